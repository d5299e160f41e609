"""Images become pages: their own data where a PDF can hold it, the size they have on paper, upright as shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pikepdf import Name
from PIL import Image, ImageDraw

from tests.unit.workers.ocr.searchable.writing import box_on_screen, one_line, text_of, written
from workers.ocr.images import ImageDocument


def picture(mode: str = "RGB", size: tuple[int, int] = (300, 200)) -> Image.Image:
    """A picture whose black corner tells how it lies."""
    image = Image.new("RGB", size, (250, 240, 200))
    ImageDraw.Draw(image).rectangle((0, 0, 60, 40), fill=(0, 0, 0))
    return image.convert(mode)


def raw(path: Path) -> tuple[bytes, str]:
    with pikepdf.open(path) as pdf:
        (image,) = pdf.pages[0].get_images().values()
        return image.read_raw_bytes(), str(image.Filter if isinstance(image.Filter, pikepdf.Name) else image.Filter[0])


def shown(path: Path, number: int = 1) -> Image.Image:
    with pypdfium2.PdfDocument(path) as pdf:
        image: Image.Image = pdf[number - 1].render(scale=300 / 72).to_pil()
        return image.convert("L")


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_in_it_byte_for_byte(tmp_path: Path, mode: str) -> None:
    source = tmp_path / "page.jpg"
    picture(mode).save(source, dpi=(150, 150))
    data, packed = raw(written(source, [one_line([("harbour", (10, 10, 100, 40))], dpi=150)]))
    assert (data, packed) == (source.read_bytes(), "/DCTDecode")


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16", "RGBA", "LA"])
def test_a_png_keeps_every_pixel(tmp_path: Path, mode: str) -> None:
    source = tmp_path / "page.png"
    image = Image.fromarray(np.arange(60000, dtype=np.uint16).reshape(200, 300)) if mode == "I;16" else picture(mode)
    image.save(source, dpi=(300, 300))
    target = written(source, [one_line([("harbour", (10, 10, 100, 40))], dpi=300)])
    expected = np.asarray(image.convert("I")) / 256 if mode == "I;16" else np.asarray(image.convert("L"))
    assert np.abs(np.asarray(shown(target), dtype=float) - expected).mean() < 1.5
    assert text_of(target) == ["harbour"]


def test_a_plain_png_is_not_packed_anew(tmp_path: Path) -> None:
    source = tmp_path / "page.png"
    picture().save(source, dpi=(300, 300))
    data, packed = raw(written(source, []))
    assert data in source.read_bytes()
    assert packed == "/FlateDecode"


def test_a_fax_is_in_it_as_it_was_sent(tmp_path: Path) -> None:
    source = tmp_path / "page.tiff"
    picture("1").save(source, compression="group4", dpi=(200, 200))
    data, packed = raw(written(source, []))
    assert data in source.read_bytes()
    assert packed == "/CCITTFaxDecode"


def test_every_frame_is_a_page_of_its_size_on_paper(tmp_path: Path) -> None:
    source = tmp_path / "pages.tiff"
    frames = [picture("L"), picture("1", (600, 400)), picture("RGB", (150, 100))]
    frames[0].save(source, save_all=True, append_images=frames[1:], dpi=(150, 150), compression="tiff_lzw")
    words = [one_line([(f"page{number}", (10, 10, 100, 40))], number, 150) for number in (1, 2, 3)]
    target = written(source, words)
    assert text_of(target) == ["page1", "page2", "page3"]
    with pypdfium2.PdfDocument(target) as pdf:
        assert [page.get_size() for page in pdf] == [(144, 96), (288, 192), (72, 48)]


def test_a_long_tiff_stays_in_order(tmp_path: Path) -> None:
    source = tmp_path / "pages.tiff"
    frames = [Image.new("1", (100 + number, 100), 1) for number in range(70)]
    frames[0].save(source, save_all=True, append_images=frames[1:], compression="group4")
    with pikepdf.open(written(source, [one_line([("x", (0, 0, 9, 9))], 70, 72)])) as pdf:
        assert [int(next(iter(page.get_images().values())).Width) for page in pdf.pages] == list(range(100, 170))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_lies_as_its_file_says_and_its_words_on_it(tmp_path: Path, orientation: int, kind: str) -> None:
    source = tmp_path / f"page.{kind.lower()}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture("L").save(source, kind, exif=exif, dpi=(300, 300))
    upright = ImageDocument(source, f"image/{kind.lower()}", 1_000_000).raster(1).image  # what the boxes are on
    target = written(source, [one_line([("harbour", (20, 30, 120, 60))], dpi=300)])
    found = shown(target)
    assert found.size == upright.size
    assert np.abs(np.asarray(found, dtype=float) - np.asarray(upright, dtype=float)).mean() < 6
    box = [edge * 72 / 300 for edge in (20, 30, 120, 60)]
    assert box_on_screen(target, 1, "harbour") == pytest.approx(box, abs=0.7)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "WEBP"])
def test_other_formats_are_packed_without_loss(tmp_path: Path, kind: str) -> None:
    source = tmp_path / f"page.{kind.lower()}"
    plain = picture().convert("P", palette=Image.Palette.ADAPTIVE) if kind == "GIF" else picture()
    plain.save(source, kind, **({"lossless": True} if kind == "WEBP" else {}))
    target = written(source, [one_line([("harbour", (10, 10, 100, 40))], dpi=300)])
    assert np.abs(np.asarray(shown(target), dtype=float) - np.asarray(picture("L"), dtype=float)).mean() < 2


def test_a_frame_that_is_damaged_is_an_empty_page(tmp_path: Path) -> None:
    source = tmp_path / "pages.tiff"
    frames = [picture("L", (200, 200)) for _ in range(3)]
    frames[0].save(source, save_all=True, append_images=frames[1:], compression="tiff_deflate")
    with Image.open(source) as opened:
        opened.seek(1)
        at, length = opened.tag_v2[273][0], opened.tag_v2[279][0]  # type: ignore[attr-defined]  # where its pixels are
    body = bytearray(source.read_bytes())
    body[at : at + length] = b"\xff" * length
    source.write_bytes(body)
    with pikepdf.open(written(source, [one_line([("x", (0, 0, 9, 9))], 3, 72)])) as pdf:
        assert [len(page.get_images()) for page in pdf.pages] == [1, 0, 1]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (20000, 2)])
def test_odd_sizes_have_pages_as_large_as_a_pdf_allows(tmp_path: Path, size: tuple[int, int]) -> None:
    source = tmp_path / "page.png"
    Image.new("L", size, 128).save(source)
    with pikepdf.open(written(source, [one_line([("x", (0, 0, 1, 1))], dpi=70)])) as pdf:
        assert all(3 <= float(side) <= 14_400 for side in list(pdf.pages[0].MediaBox)[2:])
        assert Name.Contents in pdf.pages[0]
