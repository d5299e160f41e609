"""Opening and rendering PDFs, the broken and the hostile among them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from fpdf import FPDF

from shared.errors import CorruptFile, PageTooLarge, PasswordRequired, WrongPassword
from tests.unit.workers.ocr.making import PARAGRAPH, bare_pdf, pdf_of
from workers.ocr.pdf import PdfDocument

MAX_PIXELS = 100_000_000


def opened(path: Path, password: str | None = None, dpi: int = 300) -> PdfDocument:
    return PdfDocument(path, password, dpi, MAX_PIXELS)


def encrypted(path: Path) -> Path:
    pdf = FPDF()
    pdf.set_encryption(owner_password="master", user_password="sesame")  # noqa: S106 - made for these tests
    pdf.add_page()
    path.write_bytes(pdf.output())
    return path


def test_a_page_is_rendered_in_grey_at_the_resolution_asked_for(tmp_path: Path) -> None:
    raster = opened(pdf_of([PARAGRAPH], tmp_path / "a.pdf")).raster(1)
    assert (raster.image.mode, raster.image.size, raster.dpi) == ("L", (2481, 3508), 300)
    assert raster.image.getextrema() == (0, 255)


def test_what_was_filled_into_a_form_is_drawn(tmp_path: Path) -> None:
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 128 20]/Length 23>>stream\n0 0 0 rg 0 0 128 20 re f\nendstream"
    field = b"/Annots[<</Type/Annot/Subtype/Widget/FT/Tx/T(n)/V(x)/F 4/Rect[72 600 200 620]/AP<</N 6 0 R>>>>]"
    path = bare_pdf(1, tmp_path / "a.pdf", extra=field)
    data = path.read_bytes().replace(b"/Catalog/", b"/Catalog/AcroForm<</Fields[]>>/")
    path.write_bytes(data.replace(b"xref\n0 ", b"6 0 obj" + form + b"\nendobj\nxref\n0 ", 1))
    low, _ = opened(path).raster(1).image.crop((310, 720, 820, 780)).getextrema()
    assert low == 0


def test_a_truncated_pdf_is_corrupt_though_pdfium_would_repair_it(tmp_path: Path) -> None:
    path = pdf_of([PARAGRAPH] * 20, tmp_path / "a.pdf")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptFile, match="cut off"):
        opened(path)
    # A linearized file has an end near its beginning as well.
    path.write_bytes(b"%PDF-1.7\nstartxref\n0\n%%EOF\n" + data[: len(data) // 2])
    with pytest.raises(CorruptFile, match="cut off"):
        opened(path)


@pytest.mark.parametrize("junk", [b"\0" * 10_000, b"\r\n" * 700, b"<!-- served by a proxy -->"])
def test_junk_behind_the_end_is_forgiven(junk: bytes, tmp_path: Path) -> None:
    path = pdf_of([PARAGRAPH], tmp_path / "a.pdf")
    path.write_bytes(path.read_bytes() + junk)
    assert opened(path).page_count == 1


def test_noise_between_a_header_and_an_end_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n" + b"nonsense " * 500 + b"\n%%EOF")
    with pytest.raises(CorruptFile, match="damaged"):
        opened(tmp_path / "a.pdf")


def test_encrypted_pdfs_open_with_their_password_only(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.pdf")
    with pytest.raises(PasswordRequired):
        opened(path)
    with pytest.raises(WrongPassword):
        opened(path, "open")
    assert opened(path, "sesame").page_count == 1


def test_five_thousand_pages_are_counted_at_once(tmp_path: Path) -> None:
    path = bare_pdf(5000, tmp_path / "a.pdf")
    started = time.process_time()
    assert opened(path).page_count == 5000
    assert time.process_time() - started < 0.5


def test_one_broken_page_leaves_the_others_readable(tmp_path: Path) -> None:
    path = bare_pdf(4, tmp_path / "a.pdf")
    path.write_bytes(re.sub(rb"7 0 obj<</Type/Page/", rb"7 0 obj<</Type/Nope/", path.read_bytes()))
    path.write_bytes(path.read_bytes().replace(b"7 0 obj<<", b"7 0 obj[<").replace(b"[</Type/Nope", b"[ /Type/Nope"))
    document = opened(path)
    assert document.page_count == 4
    with pytest.raises(CorruptFile, match="Page 3"):
        document.raster(3)
    assert document.raster(4).image.size == (2550, 3300)


def test_a_page_of_five_metres_is_refused_before_it_is_rendered(tmp_path: Path) -> None:
    path = bare_pdf(1, tmp_path / "a.pdf", media_box=b"0 0 14400 14400")
    assert path.stat().st_size < 700
    with pytest.raises(PageTooLarge, match="30,000 x 30,000"):
        opened(path).raster(1)


def test_a_large_drawing_is_rendered_at_what_the_limit_allows(tmp_path: Path) -> None:
    path = bare_pdf(1, tmp_path / "a.pdf", media_box=b"0 0 2384 3370")  # A0: 139 million pixels at 300 dpi
    raster = opened(path).raster(1)
    assert 240 < raster.dpi < 260
    assert raster.image.width * raster.image.height <= MAX_PIXELS
