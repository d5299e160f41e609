"""Lines put in the order one reads them, and the text put together from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workers.ocr.engine import PageText, Word
from workers.ocr.engines.rapidocr.columns import Line, blocks, extent, rows

_PARAGRAPH: Final = 0.8
"""Rows further apart than this share of their height have an empty line between them."""


def compose(lines: Sequence[Line]) -> PageText:
    """Put a page together from its lines: column by column where it has prose in columns, else row by row."""
    words: list[Word] = []
    text = "\n\n".join(_composed(block, words) for block in blocks(lines))
    return PageText(text, words)


def _composed(lines: Sequence[Line], words: list[Word]) -> str:
    """Return the text of lines that are read by rows; their words are appended."""
    pieces: list[str] = []
    below: float | None = None
    for row in rows(lines):
        _, top, _, bottom = extent(row)
        if below is not None:
            pieces.append("\n\n" if top - below > _PARAGRAPH * (bottom - top) else "\n")
        below = bottom
        found = [word for line in row for word in line.words]
        pieces.append(" ".join(word.text for word in found))
        words.extend(found)
    return "".join(pieces)
