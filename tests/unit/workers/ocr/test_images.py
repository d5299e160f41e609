"""Images as pages: every kind of pixel, damaged files, bombs."""

from __future__ import annotations

import struct
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared import media
from shared.errors import CorruptFile, PageTooLarge
from tests.unit.workers.ocr.making import page_image, saved, text_image
from workers.ocr.images import ImageDocument, Raster

MAX_PIXELS = 100_000_000


def raster(path: Path, number: int = 1) -> Raster:
    media_type = media.sniff(path.read_bytes()[: media.HEAD_BYTES])
    assert media_type
    with closing(ImageDocument(path, media_type, MAX_PIXELS)) as document:
        return document.raster(number)


def difference(one: Image.Image, other: Image.Image) -> float:
    """How much of the ink is not where it should be, or is where it should not."""
    ink = 255 - np.asarray(other, dtype=float)
    apart = np.abs(255 - np.asarray(one, dtype=float) - ink)
    return float(apart[apart > 2].sum() / ink.sum())  # a palette's white may be 254


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "gif", "webp"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "RGBA", "LA"])
def test_every_format_and_mode_comes_out_as_the_same_grey_page(mode: str, suffix: str, tmp_path: Path) -> None:
    page = text_image("Hello")
    image = page.convert("RGBA").convert(mode) if mode == "LA" else page.convert(mode)
    try:
        path = saved(image, tmp_path / f"a.{suffix}")
    except (OSError, ValueError):  # a format that has no such mode
        path = saved(image.convert("RGB"), tmp_path / f"a.{suffix}")
    result = raster(path).image
    assert result.mode == "L"
    assert result.size == page.size
    assert difference(result, page) < 0.2


def test_transparent_paper_is_white(tmp_path: Path) -> None:
    page = text_image("Hello")
    glass = Image.new("RGBA", page.size, (0, 0, 0, 0))
    glass.putalpha(page.point(lambda grey: 255 - grey))
    assert difference(raster(saved(glass, tmp_path / "a.png")).image, page) < 0.05
    palette = glass.convert("P")
    assert (
        raster(saved(palette, tmp_path / "b.gif", transparency=palette.getpixel((0, 0)))).image.getpixel((0, 0)) == 255
    )


@pytest.mark.parametrize("brightest", [65535, 4095])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_deep_greys_are_scaled_to_eight_bits(brightest: int, suffix: str, tmp_path: Path) -> None:
    page = text_image("Hello")
    deep = Image.fromarray((np.asarray(page, dtype=np.float64) * brightest / 255).astype(np.uint16))
    assert deep.mode == "I;16"
    assert difference(raster(saved(deep, tmp_path / f"a.{suffix}")).image, page) < 0.01


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pages_stand_as_their_exif_orientation_says(orientation: int, suffix: str, tmp_path: Path) -> None:
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    page = text_image("Hello")
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = page.transpose(turned) if turned is not None else page
    result = raster(saved(stored, tmp_path / f"a.{suffix}", exif=exif)).image
    assert result.size == page.size
    assert difference(result, page) < 0.2


def test_every_frame_of_a_tiff_is_a_page_and_only_the_first_of_an_animation(tmp_path: Path) -> None:
    frames = [text_image(f"Frame {number}", (400 + number, 200)) for number in range(3)]
    path = saved(frames[0], tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with closing(ImageDocument(path, media.TIFF, MAX_PIXELS)) as document:
        assert document.page_count == 3
        assert [document.raster(number).image.width for number in (3, 1, 2)] == [402, 400, 401]
    for suffix in ("gif", "webp"):
        path = saved(frames[0], tmp_path / f"a.{suffix}", save_all=True, append_images=[text_image("More", (400, 200))])
        with closing(ImageDocument(path, f"image/{suffix}", MAX_PIXELS)) as document:
            assert document.page_count == 1
            assert difference(document.raster(1).image, frames[0]) < 0.2


@pytest.mark.parametrize(("stated", "expected"), [(300, 300), (1200, 1200), (1, 159), (5000, 159), (None, 159)])
def test_the_resolution_is_the_stated_one_if_it_is_sane(stated: int | None, expected: int, tmp_path: Path) -> None:
    settings = {"dpi": (stated, stated)} if stated else {}
    assert raster(saved(page_image(), tmp_path / "a.png", **settings)).dpi == expected


# --- damaged and hostile files


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "gif", "webp"])
def test_a_truncated_image_is_corrupt(suffix: str, tmp_path: Path) -> None:
    path = saved(page_image(), tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CorruptFile):
        raster(path)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int) -> bytes:
    """A PNG that claims these dimensions and has hardly any data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def test_a_wrong_checksum_is_corrupt(tmp_path: Path) -> None:
    path = saved(text_image("Hello"), tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(CorruptFile):
        raster(path)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (0, 0)])
def test_an_image_without_dimensions_is_corrupt(width: int, height: int, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(width, height))
    with pytest.raises(CorruptFile):
        raster(tmp_path / "a.png")


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_image: Image.Image) -> None:
        pytest.fail("the image was decoded")

    monkeypatch.setattr(Image.Image, "load", decode)
    (tmp_path / "a.png").write_bytes(png(50_000, 50_000))
    with pytest.raises(PageTooLarge, match="50,000 x 50,000"):
        raster(tmp_path / "a.png")
    (tmp_path / "a.gif").write_bytes(
        b"GIF89a\xff\xff\xff\xff\x80\x00\x00" + bytes(6) + b"\x2c" + bytes(9) + b"\x02\x00;"
    )
    with pytest.raises(PageTooLarge, match="65,535 x 65,535"):
        raster(tmp_path / "a.gif")


def test_a_tiff_whose_directories_run_in_a_circle_ends(tmp_path: Path) -> None:
    path = saved(text_image("Hello"), tmp_path / "a.tif", compression="raw")
    data = bytearray(path.read_bytes())
    directory = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, directory)[0]
    struct.pack_into("<I", data, directory + 2 + 12 * entries, directory)
    path.write_bytes(data)
    with closing(ImageDocument(path, media.TIFF, MAX_PIXELS)) as document:
        assert document.page_count == 1


def test_noise_behind_a_signature_is_corrupt(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).bytes(4000)
    heads = [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"II*\x00\x08\x00\x00\x00",
        b"GIF89a",
        b"RIFF\x00\x10\x00\x00WEBPVP8 ",
    ]
    for head in heads:
        (tmp_path / "a").write_bytes(head + noise)
        with pytest.raises((CorruptFile, PageTooLarge)):
            raster(tmp_path / "a")
