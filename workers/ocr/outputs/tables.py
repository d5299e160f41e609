"""Tables among the lines of a page: only where their columns leave no doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median
from typing import Final

from workers.ocr.engine import Word
from workers.ocr.layout import Box, Line, union

_GAP: Final = 1.2
"""Heights of the line between two cells, at least: words of a sentence are 0.3 apart, in justified text up to 1."""

_TOLERANCE: Final = 0.7
"""Heights of the line by which the edges of a column's cells may differ."""

_ROWS: Final = 3
"""Rows of a table at least: two lines are aligned by chance."""

_CELL_WORDS: Final = 4
"""Words of a cell at most, on average: columns of a newspaper are aligned as well, but hold sentences."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that stand close to each other."""

    words: tuple[Word, ...]
    box: Box

    @property
    def text(self) -> str:
        """The words with a space between them."""
        return " ".join(word.text for word in self.words)


Row = tuple[Cell, ...]


def table_at(lines: Sequence[Line], start: int) -> list[Row]:
    """Return the rows of the table that begins with line `start`; none where there is no table for sure."""
    rows = [cells(lines[start])]
    if len(rows[0]) == 1:
        return []
    for line in lines[start + 1 :]:
        row = cells(line)
        if len(row) != len(rows[0]) or not _below(rows[-1], row):
            break
        rows.append(row)
    while len(rows) >= _ROWS:
        if _aligned(rows):
            return rows if mean(len(cell.words) for row in rows for cell in row) <= _CELL_WORDS else []
        rows.pop()
    return []


def cells(line: Line) -> Row:
    """Cut a line where the distance between two words is too large for a sentence."""
    words = sorted(line.words, key=lambda word: word.box[0])
    gap = _GAP * median(word.box[3] - word.box[1] for word in words)
    groups = [[words[0]]]
    for word in words[1:]:
        if word.box[0] - max(before.box[2] for before in groups[-1]) > gap:
            groups.append([word])
        else:
            groups[-1].append(word)
    return tuple(Cell(tuple(group), union(word.box for word in group)) for group in groups)


def _below(above: Row, row: Row) -> bool:
    """Whether a row follows the one above as rows of a table do: under it, and not far away."""
    height = max(1, above[0].box[3] - above[0].box[1])
    return 0 < row[0].box[1] - above[0].box[1] <= 4 * height


def _aligned(rows: Sequence[Row]) -> bool:
    """Whether in every column the left edges, the right edges or the middles of the cells are in line."""
    tolerance = _TOLERANCE * median(cell.box[3] - cell.box[1] for row in rows for cell in row)
    columns = list(zip(*rows, strict=True))
    for before, column in pairwise(columns):
        if max(cell.box[2] for cell in before) >= min(cell.box[0] for cell in column):
            return False
    return all(_in_line([cell.box for cell in column], tolerance) for column in columns)


def _in_line(boxes: Sequence[Box], tolerance: float) -> bool:
    edges = ([box[0] for box in boxes], [box[2] for box in boxes], [(box[0] + box[2]) / 2 for box in boxes])
    return any(max(edge) - min(edge) <= tolerance for edge in edges)
