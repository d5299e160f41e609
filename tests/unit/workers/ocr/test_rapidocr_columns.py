"""What stands side by side: prose in columns is read column by column, everything else by its rows."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from PIL import Image

from infra import samples
from workers.ocr.engine import OcrOptions, PageImage, Word
from workers.ocr.engines.rapidocr import RapidOcrEngine
from workers.ocr.engines.rapidocr.columns import Line
from workers.ocr.engines.rapidocr.layout import compose

LETTER, HEIGHT, PITCH = 10, 20, 30
PROSE = (
    "The ferry leaves at dawn and carries no cars before noon, since the ramp is under repair until the spring tide. "
    "Whoever wants to cross with a bicycle is asked to buy a second ticket at the kiosk beside the old lighthouse. "
)


def line(text: str, left: int, top: int) -> Line:
    words, start = [], left
    for token in text.split():
        words.append(Word(token, 0.9, (start, top, start + LETTER * len(token), top + HEIGHT)))
        start += LETTER * (len(token) + 1)
    return Line(tuple(words), (left, top, start - LETTER, top + HEIGHT))


def column(text: str, left: int, top: int, letters: int = 30) -> list[Line]:
    return [line(part, left, top + PITCH * row) for row, part in enumerate(textwrap.wrap(text, letters))]


def side_by_side(count: int, top: int, lean: float = 0.0) -> tuple[list[Line], list[str]]:
    """Columns of prose, each of its own words; and what is to be read."""
    texts = [PROSE.replace("The ferry", f"Ferry {number}") for number in range(count)]
    lines = [piece for number, text in enumerate(texts) for piece in column(text, 60 + 350 * number, top)]
    leaning = [
        line(" ".join(w.text for w in one.words), one.box[0] + round(lean * one.box[1]), one.box[1]) for one in lines
    ]
    return leaning, [word for text in texts for word in text.split()]


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("lean", [0.0, 0.03])
def test_prose_is_read_column_by_column(count: int, lean: float) -> None:
    lines, expected = side_by_side(count, 100, lean)
    assert compose(lines).text.split() == expected


def test_columns_that_do_not_share_their_rows_are_columns_all_the_same() -> None:
    lines = [*column(PROSE, 60, 100), *column(PROSE.upper(), 410, 100 + PITCH // 2)]
    assert compose(lines).text.split() == [*PROSE.split(), *PROSE.upper().split()]


def test_what_spans_the_columns_parts_them() -> None:
    above, first = side_by_side(2, 100)
    below, second = side_by_side(2, 700)
    middle = line("A heading that reaches from the first of both columns to the second", 60, 600)
    found = compose([*below, middle, *above])
    assert found.text.split() == [*first, *(word.text for word in middle.words), *second]
    assert found.text.split() == [word.text for word in found.words]


def test_a_headline_in_two_parts_is_above_both_columns() -> None:
    lines, expected = side_by_side(2, 200)
    head = [line("The Bollard", 60, 100), line("Winter 2025", 450, 100)]
    assert compose([*lines, *head]).text.split() == ["The", "Bollard", "Winter", "2025", *expected]


TABLES = {
    "uneven": [
        ("Pump taken apart and cleaned inside", "by the crew of the tug, in one night"),
        ("Seals replaced", "waits for parts"),
        ("Oil level checked", "nothing was found"),
    ]
    * 2,
    "amounts": [("COFFEE BEANS ROASTED IN TOWN", "12.50"), ("GREEN TEA OF THE FIRST HARVEST", "7.95")] * 3,
    "remarks": [("Stilling tube, two metres", "bundled"), ("Cable", "two to follow in another box"), ("Seals", "no")]
    * 2,
    "codes": [("AX-1040 18.00 23.11.2026 0044", "77-1 1.00 12.12 44-1 00")] * 5,
    "labels": [("Name", "Ms. Quillfeather of the harbour"), ("Since", "the first of March in 2019")] * 3,
    "rows": [("one line of prose that is full", "and another one at its side")] * 2,
}


@pytest.mark.parametrize("cells", TABLES.values(), ids=TABLES.keys())
def test_cells_are_read_row_by_row(cells: list[tuple[str, str]]) -> None:
    lines = [piece for row, (left, right) in enumerate(cells) for piece in
             (line(left, 60, 100 + PITCH * row), line(right, 450, 100 + PITCH * row))]  # fmt: skip
    assert compose(lines).text.split("\n") == [f"{left} {right}" for left, right in cells]


def test_a_bulletin_is_read_as_it_is_meant() -> None:
    with Image.open(samples.path("three-pages.tiff")) as opened:
        opened.seek(2)
        page = opened.convert("L")
    found = RapidOcrEngine().read(PageImage(Path("page.bmp"), *page.size, 200, page), OcrOptions()).text
    marks = (
        "Winter 2025",
        "A pair",
        "canteen",
        "Reading room",
        "coming year",
        "Regatta",
        "Ottoline",
        "Lost",
        "first of March",
    )
    places = [found.index(mark) for mark in marks]
    assert places == sorted(places)
