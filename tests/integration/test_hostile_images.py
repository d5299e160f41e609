"""Images no scanner should write, and many that some do: read where they are honest, refused in a sentence else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from PIL import Image

from shared.errors import CorruptFile, PageTooLarge, TwolaneError
from tests.support import hostile, hostile_images
from tests.support.hostile_images import PAGE, TEXT
from tests.support.hostile_reading import below, read
from tests.support.waiting import wait_until
from workers.ocr import sandbox
from workers.ocr.sandbox import PageFailed, PageRead, Reader, ReadOptions


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(sandbox, "_SHARED_MEMORY", scratch)
    yield
    wait_until(lambda: not list(below(psutil.Process())), what="the end of every reading process")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("kind", hostile_images.ODD)
def test_odd_but_honest_images_are_read(kind: str, tmp_path: Path) -> None:
    [page] = read(hostile_images.ODD[kind](), tmp_path)
    assert isinstance(page, PageRead), page
    assert page.text == TEXT
    assert (page.width, page.height) == PAGE.size
    assert page.confidence is not None
    assert page.confidence > 0.9
    assert [word["text"] for word in json.loads(page.words_json)] == TEXT.split()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (1, 30_000), (30_000, 1), (2, 2), (30_000, 30)])
@pytest.mark.parametrize("grey", [0, 255])
def test_slivers_are_pages_without_words(size: tuple[int, int], grey: int, tmp_path: Path) -> None:
    buffer = BytesIO()
    Image.new("L", size, grey).save(buffer, "PNG")
    [page] = read(buffer.getvalue(), tmp_path)
    assert isinstance(page, PageRead), page
    assert (page.text, page.confidence, page.width, page.height) == ("", None, *size)


HOPELESS = {
    "one tile of a million million pixels": hostile_images.tiff([b"x" * 100], tiled=1 << 30),
    "100,000 empty strips": hostile_images.tiff([b""] * 100_000, t278=1),
    "60,000 samples a pixel": hostile_images.tiff([PAGE.tobytes()], t277=60_000),
    "64-bit samples": hostile_images.tiff([PAGE.tobytes()], t258=64),
    "no rows in a strip": hostile_images.tiff([PAGE.tobytes()], t278=0),
    "noise instead of LZW": hostile_images.tiff([b"\x80" * 5000], t259=5),
    "an old JPEG that is nowhere": hostile_images.tiff([b"x"], t259=6, t513=1 << 30, t514=1 << 30),
    "half an old JPEG": hostile_images.old_jpeg_tiff()[:1500],
}


@pytest.mark.parametrize("kind", HOPELESS)
def test_hopeless_tiffs_are_corrupt(kind: str, tmp_path: Path) -> None:
    assert isinstance(failure(HOPELESS[kind], tmp_path), CorruptFile)


@pytest.mark.parametrize(
    ("width", "height", "fitting"), [(19_866, 28_087, "8,410 x 11,890"), (65_000, 1500, "32,767"), (2**31 - 1, 1, "")]
)
def test_what_is_too_large_is_told_what_would_do(width: int, height: int, fitting: str, tmp_path: Path) -> None:
    error = failure(hostile_images.tiff([b"\0"], t256=width, t257=height), tmp_path)
    assert isinstance(error, PageTooLarge)
    assert f"{width:,} x {height:,}" in error.detail
    assert fitting in error.detail


def test_a_plan_as_png_is_too_large_before_it_is_decoded(tmp_path: Path) -> None:
    assert isinstance(failure(hostile.huge_png(20_000), tmp_path), PageTooLarge)


def test_a_hundred_thousand_frames_are_counted_at_once(tmp_path: Path) -> None:
    path = tmp_path / "frames.tif"
    path.write_bytes(hostile_images.frames(100_000))
    with Reader(path, ReadOptions(engine="tesseract"), sandbox.ReadLimits(5, 10**8, 3000, 300)) as reader:
        assert reader.page_count == 100_000
        [page] = reader.read([3])
    assert isinstance(page, PageRead)


def failure(data: bytes, place: Path) -> TwolaneError:
    """Why the first page, or the file, cannot be read."""
    try:
        page = read(data, place)[0]
    except TwolaneError as error:
        return error
    assert isinstance(page, PageFailed), page
    return page.error
