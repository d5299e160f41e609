"""Lines put in the order one reads them, and the text put together from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workers.ocr.engine import PageText, Word

Box = tuple[int, int, int, int]

_SAME_ROW: Final = 0.5
"""Pieces whose heights overlap by this share of the lower one stand in one row."""

_PARAGRAPH: Final = 0.8
"""Rows further apart than this share of their height have an empty line between them."""


@dataclass(frozen=True, slots=True)
class Line:
    """Words that were found as one line, in order, and their box."""

    words: tuple[Word, ...]
    box: Box


def compose(lines: list[Line]) -> PageText:
    """Put a page together from its lines."""
    words: list[Word] = []
    pieces: list[str] = []
    below: float | None = None
    for row in _rows(lines):
        top = min(line.box[1] for line in row)
        bottom = max(line.box[3] for line in row)
        if below is not None:
            pieces.append("\n\n" if top - below > _PARAGRAPH * (bottom - top) else "\n")
        below = bottom
        found = [word for line in row for word in line.words]
        pieces.append(" ".join(word.text for word in found))
        words.extend(found)
    return PageText("".join(pieces), words)


def _rows(lines: list[Line]) -> list[list[Line]]:
    """Cluster lines that stand side by side, from top to bottom; in each from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        row = next((row for row in reversed(rows[-3:]) if _beside(row[-1], line)), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def _beside(one: Line, other: Line) -> bool:
    overlap = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    lower = min(one.box[3] - one.box[1], other.box[3] - other.box[1])
    apart = one.box[2] <= other.box[0] + lower or other.box[2] <= one.box[0] + lower
    return apart and overlap > _SAME_ROW * lower
