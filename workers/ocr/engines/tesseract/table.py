"""Tesseract's TSV: a row for every block, paragraph, line and word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workers.ocr.engine import PageText, Word

_WORD_LEVEL: Final = "5"
_NO_WORD: Final = -1.0
_COLUMNS: Final = 12
"""Level, page, block, paragraph, line, word, left, top, width, height, confidence (0-100, -1 for none), text."""


def page_text(table: str) -> PageText:
    """Put words, and the text with its lines and paragraphs, together from a TSV, with or without its header.

    Raises:
        ValueError: it is something else.
    """
    words: list[Word] = []
    pieces: list[str] = []
    place: tuple[str, ...] = ()
    for here, word in _rows(table):
        if words:
            pieces.append(" " if here == place else "\n" if here[:-1] == place[:-1] else "\n\n")
        pieces.append(word.text)
        words.append(word)
        place = here
    return PageText("".join(pieces), words)


def _rows(table: str) -> Iterator[tuple[tuple[str, ...], Word]]:
    """Yield each word with its block, paragraph and line."""
    for row in table.splitlines():
        fields = row.split("\t", _COLUMNS - 1)
        if len(fields) < _COLUMNS or fields[0] != _WORD_LEVEL:
            continue
        confidence, text = float(fields[10]), fields[11].strip()
        if not text or confidence == _NO_WORD:
            continue
        left, top, width, height = map(int, fields[6:10])
        box = (left, top, left + width, top + height)
        yield tuple(fields[2:5]), Word(text, round(confidence / 100, 4), box)
