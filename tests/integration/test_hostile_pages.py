"""PDF pages of every odd kind, in real reading processes: read where honest, and never more than their limits."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pikepdf import Encryption, Pdf, Permissions

from shared.errors import CorruptFile, NoPages, PageTimeout, PasswordRequired, TwolaneError, WrongPassword
from tests.support import hostile_pdf
from tests.support.hostile_images import TEXT
from tests.support.hostile_pdf import FAX, SHOWN, flate, jbig2, page, pdf, stream, text
from tests.support.hostile_reading import LIMITS, below, read
from tests.support.waiting import wait_until
from workers.ocr import guard, sandbox
from workers.ocr.sandbox import PageFailed, PageRead, ReadLimits

HASTY = ReadLimits(page_timeout_seconds=1, max_page_pixels=100_000_000, max_pages=3000, render_dpi=72)
A0 = b"0 0 2384 3370"


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(sandbox, "_SHARED_MEMORY", scratch)
    yield
    wait_until(lambda: not list(below(psutil.Process())), what="the end of every reading process")
    assert list(scratch.iterdir()) == []


def only(data: bytes, place: Path, *, password: str | None = None) -> PageRead:
    """The one page of a file, read."""
    [found] = read(data, place, password=password)
    assert isinstance(found, PageRead), found
    return found


@pytest.mark.parametrize("kind", hostile_pdf.PICTURES)
def test_scans_are_read_however_they_are_stored(kind: str, tmp_path: Path) -> None:
    found = only(hostile_pdf.PICTURES[kind], tmp_path)
    assert (found.text, found.source) == (TEXT, "ocr")
    assert found.confidence is not None
    assert found.confidence > 0.9
    for word in json.loads(found.words_json):
        left, top, right, bottom = word["box"]
        assert 0 <= left < right <= found.width
        assert 0 <= top < bottom <= found.height


@pytest.mark.parametrize("kind", ["JBIG2", "CCITT"])
def test_a_plan_of_a_square_metre_is_read_at_what_the_limit_allows(kind: str, tmp_path: Path) -> None:
    """A0 at 600 dpi: 558 million pixels, of which a seventh is rendered."""
    size = (19_866, 28_087)
    fax = hostile_pdf.plan(size)
    coded = {
        "JBIG2": (b"/JBIG2Decode", jbig2(fax, size)),
        "CCITT": (b"/CCITTFaxDecode/DecodeParms<</K -1/Columns %d/Rows %d>>" % size, fax),
    }
    name, data = coded[kind]
    grey = b"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter" + name
    image = stream(b"/Type/XObject/Subtype/Image/Width %d/Height %d%s" % (*size, grey), data)
    body = page(b"q 2384 0 0 3370 0 0 cm /Im Do Q", image, resources=b"/XObject<</Im 6 0 R>>", box=A0)
    found = only(body, tmp_path)
    assert found.text == TEXT
    assert guard.LEAST_DPI < found.dpi < LIMITS.render_dpi
    assert found.width * found.height <= LIMITS.max_page_pixels
    assert found.peak_kb < 1024**2


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (b"612 792 0 0", (2550, 3300)),
        (b"-300 -300 700 700", (4167, 4167)),
        (b"0 0 1e9 1e9", (2550, 3300)),
        (b"0 0 0 0", (2550, 3300)),
        (b"0 0 612 792]/CropBox[5000 5000 6000 6000", (2550, 3300)),
        (b"0 0 612 792]/Rotate 45/X[", (2550, 3300)),
    ],
)
def test_strange_boxes_hide_nothing(box: bytes, size: tuple[int, int], tmp_path: Path) -> None:
    found = only(page(text(TEXT), box=box), tmp_path)
    assert (found.text, found.width, found.height) == (TEXT, *size)


def test_a_banner_of_five_metres_is_read_at_what_a_side_may_have(tmp_path: Path) -> None:
    outline = b"0 0 14400 1 re f 9 9 5 5 re f "
    [found] = read(page(outline + text(TEXT, at=(7000, 50)), box=b"0 0 14400 100"), tmp_path)
    assert isinstance(found, PageRead), found
    assert found.text == TEXT
    assert found.width <= guard.MOST_SIDE


HUGE = b"/Type/XObject/Subtype/Image/Width 100000/Height 100000"
GREY = b"/ColorSpace/DeviceGray/BitsPerComponent 8/Filter"
BLACK = b"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter"


def bombs() -> dict[str, tuple[bytes, bytes]]:
    """Images of little data and very many pixels: the dictionary of each, and its data."""
    nought = flate(bytes(10**8))
    vast = struct.pack(">II", 60_000, 60_000)
    jpx = bytearray(hostile_pdf.encoded("JPEG2000"))
    start = jpx.index(b"\xff\x4f\xff\x51")
    for place in (start + 8, start + 24, jpx.index(b"ihdr") + 4):
        jpx[place : place + 8] = vast
    return {
        "Flate": (GREY + b"/FlateDecode", nought),
        "Flate in Flate": (GREY + b"[/FlateDecode/FlateDecode]", flate(nought)),
        "LZW": (GREY + b"/LZWDecode", b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01" * 1000),
        "run lengths in run lengths": (
            GREY + b"[/FlateDecode/RunLengthDecode/RunLengthDecode/RunLengthDecode]",
            flate(b"\x81\x81" * 10**6),
        ),
        "JBIG2": (BLACK + b"/JBIG2Decode", jbig2(FAX, (2**31 - 1, 2**31 - 1))),
        "CCITT": (BLACK + b"/CCITTFaxDecode/DecodeParms<</K -1/Columns 100000/Rows 100000>>", FAX),
        "JPEG 2000": (b"/Filter/JPXDecode", bytes(jpx)),
        "noise": (b"/Filter/JPXDecode", bytes(jpx[:200]) + flate(nought)[:5000]),
    }


@pytest.mark.parametrize("kind", bombs())
def test_a_bomb_beside_text_costs_no_more_than_a_page(kind: str, tmp_path: Path) -> None:
    entries, data = bombs()[kind]
    started = time.process_time()
    found = only(
        page(SHOWN + text(TEXT, at=(72, 300)), stream(HUGE + entries, data), resources=b"/XObject<</Im 6 0 R>>"),
        tmp_path,
    )
    assert TEXT in found.text
    assert found.peak_kb < guard.MEMORY_BYTES / 1024 / 2
    assert found.cpu_ms < 10_000
    assert time.process_time() - started < 5  # of the worker itself


@pytest.mark.parametrize("kind", hostile_pdf.ENDLESS)
def test_a_page_that_takes_for_ever_is_ended_and_the_next_is_read(kind: str, tmp_path: Path) -> None:
    started = time.monotonic()
    first, second = read(hostile_pdf.ENDLESS[kind], tmp_path, HASTY)
    assert isinstance(first, PageFailed)
    assert type(first.error) is PageTimeout
    assert isinstance(second, PageRead)
    assert second.text == "Page two is fine"
    # Once for its text in company, once for its text alone, once to read it; nothing else waits.
    assert time.monotonic() - started < 3 * HASTY.page_timeout_seconds + 20


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
LEAF = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>"


def tree(count: int, kids: bytes) -> bytes:
    """A page tree that says to have `count` pages, these kids, and a blank page as object 3."""
    return pdf([CATALOG, b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids), LEAF])


@pytest.mark.parametrize(
    "data",
    [
        tree(3, b"2 0 R 2 0 R 3 0 R"),
        tree(2_000_000_000, b"3 0 R"),
        tree(-5, b"3 0 R"),
        page(b"").replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9"),
        pdf([CATALOG, b"<</Type/Pages/Count 1/Kids[3 0 R]>>", LEAF, *[b"null"] * 200_000]),
    ],
    ids=["a tree in itself", "two thousand million pages", "minus five pages", "a table before itself", "nulls"],
)
def test_trees_and_tables_that_lie_are_walked_once(data: bytes, tmp_path: Path) -> None:
    pages = read(data, tmp_path)
    assert 1 <= len(pages) <= 3
    assert all(isinstance(found, PageRead | PageFailed) for found in pages)
    assert any(isinstance(found, PageRead) and found.text == "" and found.confidence is None for found in pages)


def saved(place: Path, **settings: object) -> bytes:
    """A page of text as another program would save it."""
    (place / "plain.pdf").write_bytes(page(text(TEXT)))
    with Pdf.open(place / "plain.pdf") as document:
        document.save(place / "saved.pdf", **settings)  # type: ignore[arg-type]  # each as pikepdf names it
    return (place / "saved.pdf").read_bytes()


def test_linearized_files_and_later_versions_are_read(tmp_path: Path) -> None:
    assert only(saved(tmp_path, linearize=True), tmp_path).text == TEXT
    before = page(text("What it said at first"))
    start = before.index(b"xref\n0")
    later = before + b"4 0 obj%s\nendobj\n" % stream(b"", text(TEXT))
    offset, table = len(before), len(later)
    later += b"xref\n4 1\n%010d 00000 n \ntrailer<</Size 6/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        offset,
        start,
        table,
    )
    assert only(later, tmp_path).text == TEXT


def test_a_table_of_wrong_places_is_mended(tmp_path: Path) -> None:
    assert only(page(text(TEXT)).replace(b" 00000 n", b"1 00000 n"), tmp_path).text == TEXT


def test_passwords_are_asked_for_where_a_reader_needs_one(tmp_path: Path) -> None:
    locked = saved(tmp_path, encryption=Encryption(owner="master", user="sesame", R=6))
    with pytest.raises(PasswordRequired):
        read(locked, tmp_path)
    with pytest.raises(WrongPassword):
        read(locked, tmp_path, password="open")  # noqa: S106 - made for this test
    for password in ("sesame", "master"):
        assert only(locked, tmp_path, password=password).text == TEXT
    closed = Encryption(owner="master", user="", R=6, allow=Permissions(extract=False))
    assert only(saved(tmp_path, encryption=closed), tmp_path).text == TEXT


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"%PDF-1.7\n%%EOF\n", CorruptFile), (tree(0, b""), NoPages), (page(b"")[:200] + b"%%EOF", CorruptFile)],
)
def test_what_is_no_document_says_so(data: bytes, expected: type[TwolaneError], tmp_path: Path) -> None:
    with pytest.raises(expected):
        read(data, tmp_path)
