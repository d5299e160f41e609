"""TSV with the columns of tesseract's: one row a page, block, paragraph, line and word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from workers.ocr.layout import Block, Box
from workers.ocr.outputs.stored import StoredPage

COLUMNS: Final = (
    "level",
    "page_num",
    "block_num",
    "par_num",
    "line_num",
    "word_num",
    "left",
    "top",
    "width",
    "height",
    "conf",
    "text",
)
_PAGE, _BLOCK, _PARAGRAPH, _LINE, _WORD = 1, 2, 3, 4, 5
_NO_CONFIDENCE: Final = "-1"


def write(filename: str, pages: Iterable[StoredPage]) -> Iterator[str]:
    """Yield the table in pieces; confidence is 0-100, -1 for all but words. A page not read has the size 0 x 0."""
    del filename
    yield "\t".join(COLUMNS) + "\n"
    for page in pages:
        yield _row(_PAGE, (page.number, 0, 0, 0, 0), (0, 0, page.width, page.height))
        for number, block in enumerate(page.blocks, start=1):
            yield from _block(block, page.number, number)


def _block(block: Block, page: int, number: int) -> Iterator[str]:
    yield _row(_BLOCK, (page, number, 0, 0, 0), block.box)
    yield _row(_PARAGRAPH, (page, number, 1, 0, 0), block.box)
    for line_number, line in enumerate(block.lines, start=1):
        yield _row(_LINE, (page, number, 1, line_number, 0), line.box)
        for word_number, word in enumerate(line.words, start=1):
            place = (page, number, 1, line_number, word_number)
            yield _row(_WORD, place, word.box, f"{word.confidence * 100:.2f}", word.text)


def _row(
    level: int, place: tuple[int, int, int, int, int], box: Box, confidence: str = _NO_CONFIDENCE, text: str = ""
) -> str:
    left, top, right, bottom = box
    numbers = (level, *place, left, top, right - left, bottom - top)
    # A word may hold a space, but never what ends a cell.
    return "\t".join((*map(str, numbers), confidence, " ".join(text.split()))) + "\n"
