"""The text PDF pages carry: words where they are seen, and no trust in text that is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF

from tests.unit.workers.ocr.making import LIMITS, PARAGRAPH, bare_pdf, page_image, pdf_of, text_image
from workers.ocr.pages import PageRead, ReadOptions
from workers.ocr.pdf import PdfDocument
from workers.ocr.sandbox import Reader

# "Alpha Beta" in 24 points, its baseline 500 points above the origin.
HELLO = b"BT /F1 24 Tf 1 0 0 1 100 500 Tm (Alpha Beta) Tj ET"


def layers(path: Path, **options: Any) -> list[PageRead]:
    with Reader(path, ReadOptions(**options), LIMITS) as reader:
        return list(reader.text_layers(range(1, reader.page_count + 1)))


def words(page: PageRead) -> dict[str, list[int]]:
    return {word["text"]: word["box"] for word in json.loads(page.words_json)}


def ink(path: Path) -> tuple[int, int, int, int]:
    """The box around everything dark on page 1, as pdfium renders it."""
    image = PdfDocument(path, None, LIMITS.render_dpi, LIMITS.max_page_pixels).raster(1).image
    box = image.point(lambda grey: 255 if grey < 128 else 0).getbbox()
    assert box
    return box


def test_a_born_digital_page_gives_its_text_words_and_size(tmp_path: Path) -> None:
    [page] = layers(pdf_of([PARAGRAPH], tmp_path / "a.pdf"))
    assert " ".join(page.text.split()) == PARAGRAPH
    assert "\n" in page.text
    assert "\r" not in page.text
    assert (page.source, page.engine, page.confidence) == ("text_layer", None, 1.0)
    assert (page.width, page.height, page.dpi) == (2481, 3508, 300)
    found = json.loads(page.words_json)
    assert [word["text"] for word in found] == PARAGRAPH.split()
    assert page.word_count == len(found)
    assert set(found[0]) == {"text", "confidence", "box"}


@pytest.mark.parametrize(
    "extra",
    [
        b"",
        b"/Rotate 90",
        b"/Rotate 180",
        b"/Rotate 270",
        b"/CropBox[50 200 500 700]",
        b"/Rotate 90/CropBox[50 200 500 700]",
        b"/Rotate 270/CropBox[50 200 500 700]",
    ],
)
@pytest.mark.parametrize("matrix", [b"1 0 0 1 100 500", b"0 1 -1 0 300 300"])
def test_boxes_lie_around_the_ink_however_the_page_is_turned_and_cropped(
    extra: bytes, matrix: bytes, tmp_path: Path
) -> None:
    content = HELLO.replace(b"1 0 0 1 100 500", matrix)
    path = bare_pdf(1, tmp_path / "a.pdf", extra=extra, content=content)
    [page] = layers(path)
    boxes = words(page).values()
    union = min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
    seen = ink(path)
    # Letters stand within their line's height: up to half the 100 pixels of 24 points to spare, never any missing.
    assert all(-60 <= side - dark <= 3 for side, dark in zip(union[:2], seen[:2], strict=True)), (union, seen)
    assert all(-3 <= side - dark <= 60 for side, dark in zip(union[2:], seen[2:], strict=True)), (union, seen)


def test_words_beyond_the_crop_box_are_not_on_the_page(tmp_path: Path) -> None:
    content = HELLO + b" BT /F1 24 Tf 1 0 0 1 100 750 Tm (Slug) Tj ET"
    [page] = layers(bare_pdf(1, tmp_path / "a.pdf", extra=b"/CropBox[0 0 612 700]", content=content))
    assert list(words(page)) == ["Alpha", "Beta"]
    assert "Slug" not in page.text


def test_a_hyphen_at_a_line_end_stays_a_hyphen_and_a_line_end(tmp_path: Path) -> None:
    content = b"BT /F1 12 Tf 1 0 0 1 72 700 Tm (This is a hyphen-) Tj 1 0 0 1 72 686 Tm (ated word and more) Tj ET"
    [page] = layers(bare_pdf(1, tmp_path / "a.pdf", content=content))
    assert page.text == "This is a hyphen-\nated word and more"
    boxes = words(page)
    assert boxes["hyphen-"][1] < boxes["ated"][1]
    assert boxes["ated"][2] < boxes["hyphen-"][2]


def test_blank_pages_need_no_reading(tmp_path: Path) -> None:
    pages = layers(pdf_of(["", PARAGRAPH, ""], tmp_path / "a.pdf"))
    assert [(page.number, page.word_count > 0) for page in pages] == [(1, False), (2, True), (3, False)]
    assert pages[0].text == ""
    assert pages[0].confidence is None


@pytest.mark.parametrize("stamp", ["", "7", "RECEIVED 4 MARCH 2024 - ACCOUNTS PAYABLE"])
def test_a_scan_with_no_more_than_a_stamp_has_to_be_read(stamp: str, tmp_path: Path) -> None:
    assert layers(scan(stamp, tmp_path)) == []


def test_a_scan_with_a_whole_text_beneath_does_not(tmp_path: Path) -> None:
    [page] = layers(scan(2 * PARAGRAPH, tmp_path))
    assert page.text.startswith("The committee")


@pytest.mark.parametrize("paragraphs", [1, 2])
def test_text_hidden_beneath_nothing_is_not_what_one_sees(paragraphs: int, tmp_path: Path) -> None:
    content = b"BT 3 Tr /F1 2 Tf 1 0 0 1 72 700 Tm (" + paragraphs * PARAGRAPH.encode() + b") Tj ET"
    assert layers(bare_pdf(1, tmp_path / "a.pdf", content=content)) == []
    assert len(layers(bare_pdf(1, tmp_path / "b.pdf", content=content.replace(b"3 Tr", b"0 Tr")))) == 1


def test_letters_drawn_as_outlines_have_to_be_read(tmp_path: Path) -> None:
    paths = b"".join(b"%d %d 5 7 re f " % (72 + 7 * (i % 60), 700 - 12 * (i // 60)) for i in range(600))
    number = b"BT /F1 12 Tf 1 0 0 1 300 30 Tm (Page 3 of 27 in all) Tj ET"
    assert layers(bare_pdf(1, tmp_path / "a.pdf", content=paths + number)) == []


def test_characters_without_meaning_have_to_be_read(tmp_path: Path) -> None:
    private = "".join(chr(0xE000 + number % 200) for number in range(300))
    path = pdf_of([PARAGRAPH], tmp_path / "a.pdf")
    assert layers(path)
    assert layers(with_unicode(private, tmp_path)) == []


def test_filled_forms_have_to_be_read(tmp_path: Path) -> None:
    field = b"/Annots[<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Smith)/Rect[72 600 200 620]>>]"
    path = bare_pdf(1, tmp_path / "a.pdf", content=HELLO.replace(b"Beta", b"Beta Gamma"), extra=field)
    assert layers(path)
    path.write_bytes(path.read_bytes().replace(b"/Catalog/", b"/Catalog/AcroForm<</Fields[]>>/"))
    assert layers(path) == []


def test_a_page_that_could_not_be_rendered_has_no_usable_text(tmp_path: Path) -> None:
    assert layers(bare_pdf(1, tmp_path / "a.pdf", content=HELLO, media_box=b"0 0 14400 14400")) == []


def test_text_layers_can_be_ignored_and_images_have_none(tmp_path: Path) -> None:
    assert layers(pdf_of([PARAGRAPH], tmp_path / "a.pdf"), text_layer="ignore") == []
    text_image("Hello").save(tmp_path / "a.png")
    assert layers(tmp_path / "a.png") == []


def test_pages_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = pdf_of([f"This is page number {number}." for number in range(1, 301)], tmp_path / "a.pdf")
    numbers = [*range(300, 0, -2), *range(1, 300, 2)]
    with Reader(path, ReadOptions(), LIMITS) as reader:
        found = list(reader.text_layers(numbers))
    assert [page.number for page in found] == numbers
    assert found[0].text == "This is page number 300."


def scan(text: str, tmp_path: Path) -> Path:
    """A PDF page with a picture all over it, and text."""
    pdf = FPDF()
    pdf.add_page()
    pdf.image(page_image(), 0, 0, 210, 297)
    pdf.set_font("Helvetica", size=9)
    pdf.multi_cell(0, 5, text)
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf.output())
    return path


def with_unicode(text: str, tmp_path: Path) -> Path:
    """A PDF page of letters whose font maps them to `text`."""
    codes = bytes(33 + number % 90 for number in range(len(text)))
    lines = b" ".join(
        b"<%02x> <%04x>" % (code, ord(character)) for code, character in zip(codes[:90], text, strict=False)
    )
    cmap = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> endcodespacerange "
        b"90 beginbfchar " + lines + b" endbfchar endcmap end"
    )
    content = b"BT /F1 9 Tf 1 0 0 1 72 700 Tm <" + codes.hex().encode() + b"> Tj ET"
    path = bare_pdf(1, tmp_path / "unicode.pdf", content=content)
    data = path.read_bytes().replace(b"/Encoding/WinAnsiEncoding", b"/ToUnicode 9 0 R")
    added = b"9 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(cmap), cmap)
    path.write_bytes(data.replace(b"xref\n0 ", added + b"xref\n0 ", 1))
    return path
