"""Pages to write outputs of."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from workers.ocr.engine import Word
from workers.ocr.layout import layout
from workers.ocr.outputs.stored import StoredPage

FAILED = StoredPage(2, 0, 0, 0, recognised=False, transform=None, blocks=(), error="page_timeout")


def placed(lines: Sequence[Sequence[tuple[str, int]]], *, height: int = 20, top: int = 0) -> list[Word]:
    """Words of lines, each with its left edge, 10 pixels a letter and `height` high, a line every two heights."""
    return [
        Word(text, 0.9, (left, top + 2 * height * row, left + 10 * len(text), top + 2 * height * row + height))
        for row, line in enumerate(lines)
        for text, left in line
    ]


def page(text: str, words: Sequence[Word] | None = None, number: int = 1) -> StoredPage:
    """A page that says so; its words stand on a grid unless given."""
    if words is None:
        words = [
            Word(token, 0.9, (100 * column, 40 * row, 100 * column + 90, 40 * row + 20))
            for row, line in enumerate(text.split("\n"))
            for column, token in enumerate(line.split())
        ]
    return StoredPage(number, 1000, 1400, 150, recognised=True, transform=None, blocks=tuple(layout(text, words)))


ANY_WORD = st.text(min_size=1, max_size=12).map(lambda text: "".join(text.split())).filter(bool)
"""Any characters at all, controls and those that no XML can hold among them."""

ANY_LINES = st.lists(st.lists(ANY_WORD, min_size=1, max_size=5), min_size=1, max_size=5)
