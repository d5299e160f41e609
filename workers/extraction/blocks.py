"""Lines of text in columns: what stands under what. A letterhead beside a recipient's address is two columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    for other in all_lines[position + 1 : position + 1 + 6 * most]:
        if other.page != last.page or other.box[1] - last.box[3] > _NEXT_LINE * max(last.size, line.size) or count == most:
            return
        if other.row != last.row and same_column(last.box, other.box, last.size):
            yield other
            last, count = other, count + 1


def same_column(one: Box, other: Box, size: float) -> bool:
    """Whether two lines share an edge or a middle, or lie mostly over each other."""
    near = _ALIGNED * size
    if abs(one[0] - other[0]) <= near or abs(one[0] + one[2] - other[0] - other[2]) <= 2 * near:
        return True
    overlap = min(one[2], other[2]) - max(one[0], other[0])
    return overlap > 0.5 * min(one[2] - one[0], other[2] - other[0])  # noqa: PLR2004 - half
