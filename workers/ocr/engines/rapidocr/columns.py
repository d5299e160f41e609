"""Prose set in columns, told from what is read across: receipts, tables and forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from statistics import median
from typing import Final

from workers.ocr.engine import Word

Box = tuple[int, int, int, int]

_SAME_ROW: Final = 0.5
"""Pieces whose heights overlap by this share of the lower one stand in one row."""

_LEAST_ROWS: Final = 3
_FULL: Final = 0.75
"""Lines of prose are broken because they are full: most are this share of their column's width, at least. Cells end
where what they say ends."""

_LEAST_LETTERS: Final = 12
"""Letters in a usual line of prose, at least: a column of amounts, codes or labels has fewer."""

_MOST_EDGES: Final = 16
"""Left edges that are looked at, those of most lines first."""

_HEADLINE_GAP: Final = 1.0
"""Heights below a row, at least, if it belongs to the whole page and not to the columns."""


@dataclass(frozen=True, slots=True)
class Line:
    """Words that were found as one line, in order, and their box."""

    words: tuple[Word, ...]
    box: Box

    @property
    def middle(self) -> float:
        """Half way between its top and its bottom, in pixels."""
        return (self.box[1] + self.box[3]) / 2

    @property
    def height(self) -> int:
        """Pixels."""
        return self.box[3] - self.box[1]


def blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Cut a page into parts to be read one after the other, each by its rows; most pages are a single one.

    A gutter is where many lines begin and few cross. Lines that do cross it part what stands beside it into bands, and
    a band is read column by column if both its sides are prose.
    """
    gutter, bands = max(
        ((gutter, list(_bands(lines, gutter))) for gutter in _gutters(lines)),
        key=lambda choice: sum(len(band) for parted, band in choice[1] if parted),
        default=(0.0, []),
    )
    if not any(parted for parted, _ in bands):
        yield list(lines)
        return
    for parted, run in groupby(bands, key=lambda band: band[0]):
        found = [band for _, band in run]
        parts = [side for band in found for side in _sides(band, gutter)] if parted else [list(chain(*found))]
        for part in parts:
            yield from blocks(part)


def rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Cluster lines that stand side by side, from top to bottom; in each from left to right."""
    found: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        row = next((row for row in reversed(found[-3:]) if _beside(row[-1], line)), None)
        if row is None:
            found.append([line])
        else:
            row.append(line)
    return [sorted(row, key=lambda line: line.box[0]) for row in found]


def extent(row: Sequence[Line]) -> Box:
    """Return the box around some lines."""
    left, top, right, bottom = zip(*(line.box for line in row), strict=True)
    return min(left), min(top), max(right), max(bottom)


def _beside(one: Line, other: Line) -> bool:
    overlap = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    lower = min(one.height, other.height)
    apart = one.box[2] <= other.box[0] + lower or other.box[2] <= one.box[0] + lower
    return apart and overlap > _SAME_ROW * lower


def _gutters(lines: Sequence[Line]) -> list[float]:
    """Return where columns may begin, just left of where several lines do."""
    if len(lines) < 2 * _LEAST_ROWS:
        return []
    height = max(1.0, median(line.height for line in lines))
    edges = Counter(round(line.box[0] / height) for line in lines)
    # A leaning page has the edge of a column in two neighbouring steps.
    likely = sorted(edges, key=lambda edge: -(edges[edge] + edges[edge + 1]))[:_MOST_EDGES]
    return [(edge - 0.75) * height for edge in likely if edges[edge] + edges[edge + 1] >= _LEAST_ROWS]


def _bands(lines: Sequence[Line], gutter: float) -> Iterator[tuple[bool, list[Line]]]:
    """Yield what stands between the lines that cross a gutter, and those; each with whether it is two columns."""
    ordered = sorted(lines, key=lambda line: line.middle)
    for crossing, run in groupby(ordered, key=lambda line: line.box[0] < gutter < line.box[2]):
        band = list(run)
        if crossing:
            yield False, band
            continue
        head, body = _headline(band, gutter)
        if head:
            yield False, head
        yield all(_is_prose(side) for side in _sides(body, gutter)), body


def _headline(band: list[Line], gutter: float) -> tuple[list[Line], list[Line]]:
    """Part a band from its first row, if that is a short one across both columns, well above them."""
    first, *others = rows(band)
    if not others or not all(_sides(first, gutter)):
        return [], band
    gap = min(line.box[1] for row in others for line in row) - max(line.box[3] for line in first)
    height = min(line.height for line in first)
    rest = [line for row in others for line in row]
    return (first, rest) if gap > _HEADLINE_GAP * height else ([], band)


def _sides(band: Sequence[Line], gutter: float) -> tuple[list[Line], list[Line]]:
    left = [line for line in band if line.box[0] < gutter]
    return left, [line for line in band if line.box[0] >= gutter]


def _is_prose(lines: Sequence[Line]) -> bool:
    """Tell whether these lines are broken because their column ends."""
    found = rows(lines)
    if len(found) < _LEAST_ROWS:
        return False
    left, _, right, _ = extent(lines)
    boxes = [extent(row) for row in found]
    full = sum(box[2] - box[0] >= _FULL * (right - left) for box in boxes)
    letters = [sum(map(str.isalpha, "".join(word.text for line in row for word in line.words))) for row in found]
    return 2 * full >= len(found) and median(letters) >= _LEAST_LETTERS
