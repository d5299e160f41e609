"""Text that is in a PDF and not what one sees: hidden, elsewhere, rubbish; and what one sees that is no text."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.support import hostile_pdf, hostile_text
from tests.support.hostile_pdf import PIXELS, layered, lines, note, page, picture, text
from tests.unit.workers.ocr.making import LIMITS, PARAGRAPH
from workers.ocr.pdf import PdfDocument

GREY = b"/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode"
SCAN = b"q 612 0 0 792 0 0 cm /Im Do Q "
READ = f"{PARAGRAPH} {PARAGRAPH}"
MISREAD = hostile_text.shifted(READ, 3)


def layer(data: bytes, tmp_path: Path) -> str | None:
    """The text of the page's text layer; None if the page has to be read."""
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    with closing(PdfDocument(path, None, LIMITS.render_dpi, LIMITS.max_page_pixels)) as document:
        found = document.text_layer(1)
        if found is None:
            return None
        assert found.words or found.text == ""
        return " ".join(found.text.split())


def test_text_in_a_layer_that_is_on_is_seen_and_in_one_that_is_off_is_not(tmp_path: Path) -> None:
    hidden = text("Only for the builder", at=(72, 400))
    assert layer(layered(hidden, on=True), tmp_path) == "On every plan Only for the builder"
    assert layer(layered(hidden, on=False), tmp_path) is None


def test_white_text_is_seen_on_black_and_not_on_white(tmp_path: Path) -> None:
    white = b"1 g " + lines(PARAGRAPH)
    assert layer(page(b"0 g 0 0 612 792 re f " + white), tmp_path) == PARAGRAPH
    assert layer(page(white), tmp_path) is None


@pytest.mark.parametrize("turn", [b"", b"/Rotate 90/CropBox[0 300 612 792]"])
def test_white_text_is_looked_for_where_it_is(turn: bytes, tmp_path: Path) -> None:
    boxed = b"0 g 0 690 612 102 re f 1 g " + lines(PARAGRAPH)
    found = layer(page(boxed, extra=turn), tmp_path)
    assert found is not None
    assert sorted(found.split()) == sorted(PARAGRAPH.split())


@pytest.mark.parametrize("kind", [b"FreeText", b"Stamp"])
def test_a_note_or_stamp_is_seen_and_is_no_text(kind: bytes, tmp_path: Path) -> None:
    stamp = b"BT /F1 30 Tf 5 10 Td (PAID IN FULL) Tj ET"
    assert layer(note(kind, stamp), tmp_path) is None
    assert layer(note(kind, stamp, flags=2), tmp_path) == "Invoice of the harbour office"
    assert layer(note(b"Link", b""), tmp_path) == "Invoice of the harbour office"


def test_an_empty_form_is_its_text_and_a_filled_one_is_more(tmp_path: Path) -> None:
    assert layer(hostile_pdf.field(b""), tmp_path) == "Name of the applicant"
    assert layer(hostile_pdf.field(b"Smithson"), tmp_path) is None


def test_text_far_outside_does_not_speak_for_the_scan_on_the_page(tmp_path: Path) -> None:
    outside = text(2 * PARAGRAPH, size=9, at=(50, 5000))
    assert layer(picture(GREY, PIXELS, content=SCAN + outside), tmp_path) is None
    assert layer(page(outside), tmp_path) == ""


def test_a_scan_keeps_what_was_read_before_if_it_is_words(tmp_path: Path) -> None:
    assert layer(picture(GREY, PIXELS, content=SCAN + lines(READ, mode=3)), tmp_path) == READ
    assert layer(picture(GREY, PIXELS, content=SCAN + lines(MISREAD, mode=3)), tmp_path) is None


@pytest.mark.parametrize("kind", ["shifted by 3", "renumbered", "half of it shifted", "Cyrillic as Latin 1"])
def test_letters_that_make_no_words_have_to_be_read(kind: str, tmp_path: Path) -> None:
    rubbish = hostile_text.RUBBISH[kind].encode("cp1252", "ignore").decode("cp1252")
    assert layer(page(lines(rubbish)), tmp_path) is None


def test_one_letter_for_all_is_no_text(tmp_path: Path) -> None:
    assert layer(page(lines("A" + "".join(" A"[letter.isalpha()] for letter in PARAGRAPH))), tmp_path) is None


@pytest.mark.parametrize("depth", [2, 3, 4, 12])
def test_what_lies_deep_in_forms_is_something(depth: int, tmp_path: Path) -> None:
    assert layer(hostile_pdf.nested_forms(depth), tmp_path) is None


def test_blank_paper_is_a_text_of_no_words(tmp_path: Path) -> None:
    assert layer(page(b""), tmp_path) == ""


def test_a_font_that_says_other_letters_than_it_shows_is_not_believed(tmp_path: Path) -> None:
    assert layer(hostile_pdf.mismapped(READ, 0), tmp_path) == READ
    assert layer(hostile_pdf.mismapped(READ, 3), tmp_path) is None
