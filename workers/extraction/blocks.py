"""Lines of text in columns: what stands under what. A letterhead beside a recipient's address is two columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from workers.extraction.rows import Row, Span
from workers.extraction.values import Box

_COLUMN_GAP = 2.5
_NEXT_LINE = 3.2
_ALIGNED = 1.5


class Line(Span):
    """A line of one column.

    Attributes:
        row: index of its row in the document.
        y: of its middle, in shares of the page's height.
        order: which line with text it is in the document, from 0.
    """

    def __init__(self, row: Row, cells: Sequence[Span], order: int) -> None:
        super().__init__(row.page, [word for cell in cells for word in cell.words])
        self.row = row.index
        self.y = row.y
        self.order = order


def lines(rows: Sequence[Row]) -> list[Line]:
    """The lines of all columns, top to bottom, left to right."""
    return [Line(row, cells, row.index) for row in rows for cells in _columns(row)]


def _columns(row: Row) -> list[list[Span]]:
    gap = _COLUMN_GAP * row.size
    found: list[list[Span]] = []
    for cell in row.cells:
        if found and cell.box[0] - found[-1][-1].box[2] <= gap:
            found[-1].append(cell)
        else:
            found.append([cell])
    return found


def below(line: Line, all_lines: Sequence[Line], position: int, most: int = 12) -> Iterator[Line]:
    """Yield the lines that follow in the column of a line.

    Args:
        line: where to begin.
        all_lines: of the document.
        position: of `line` among them.
        most: how many.
    """
    last, count = line, 0
    rows = groupby(all_lines[position + 1 : position + 1 + 6 * most], key=lambda other: other.row)
    for row, beside in rows:
        if row == line.row:
            continue
        near = [other for other in beside if other.page == line.page and _next_to(last, other, line.size)]
        fitting = [other for other in near if same_column(last.box, other.box, last.size)]
        if fitting:
            last, count = max(fitting, key=lambda other: _overlap(last.box, other.box)), count + 1
            yield last
        if count == most or not near:
            return


def _next_to(last: Line, other: Line, size: float) -> bool:
    return other.box[1] - last.box[3] <= _NEXT_LINE * max(last.size, size)


def _overlap(one: Box, other: Box) -> int:
    return min(one[2], other[2]) - max(one[0], other[0])


def same_column(one: Box, other: Box, size: float) -> bool:
    """Whether two lines share an edge or a middle, or lie mostly over each other."""
    near = _ALIGNED * size
    if abs(one[0] - other[0]) <= near or abs(one[0] + one[2] - other[0] - other[2]) <= 2 * near:
        return True
    return _overlap(one, other) > 0.5 * min(one[2] - one[0], other[2] - other[0])
