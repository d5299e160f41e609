"""Searchable PDFs, written as the worker has them written: in a process of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from tests.unit.workers.ocr.making import LIMITS
from workers.ocr.sandbox import Reader, ReadOptions
from workers.ocr.searchable import lines
from workers.ocr.searchable.lines import Box, PageWords
from workers.ocr.searchable.request import WritePdf


def one_line(words: Sequence[tuple[str, Box]], number: int = 1, dpi: int = 72) -> PageWords:
    """Words of a page that stand on one line."""
    return PageWords(number, dpi, None, [list(words)])


def written(source: Path, pages: Sequence[PageWords], *, archival: bool = False, password: str | None = None) -> Path:
    """The searchable PDF of a file."""
    words, target = source.with_suffix(".words"), source.with_suffix(".searchable.pdf")
    lines.store(pages, words)
    with Reader(source, ReadOptions(password=password), LIMITS) as reader:
        reader.write_pdf(WritePdf(words, target, source.name, archival))
    return target


def text_of(path: Path) -> list[str]:
    """What pdfium finds on each page."""
    with pypdfium2.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


def box_on_screen(path: Path, number: int, word: str) -> tuple[float, ...]:
    """Where a word is on the page as it is shown, in points from the top left corner."""
    with pypdfium2.PdfDocument(path) as pdf:
        page = pdf[number - 1]
        textpage = page.get_textpage()
        start = textpage.get_text_range().index(word)
        boxes = [textpage.get_charbox(start + index, loose=True) for index in range(len(word))]
        width, height = page.get_size()
        corners = [
            page_to_screen(page, x, y, width, height)
            for left, bottom, right, top in boxes
            for x, y in ((left, bottom), (right, top))
        ]
    across, down = zip(*corners, strict=True)
    return min(across), min(down), max(across), max(down)


def page_to_screen(page: pypdfium2.PdfPage, x: float, y: float, width: float, height: float) -> tuple[float, float]:
    """A point of a page where pdfium shows it, a tenth of a point fine."""
    column, row = pdfium.c_int(), pdfium.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, round(width * 10), round(height * 10), 0, x, y, column, row)
    return column.value / 10, row.value / 10
