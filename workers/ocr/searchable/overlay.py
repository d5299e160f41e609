"""Words put over the pages of a PDF as invisible text; nothing else of the file is touched."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import copysign, hypot
from statistics import median
from typing import Any, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Page

from workers.ocr.geometry import Transform, after
from workers.ocr.searchable import geometry
from workers.ocr.searchable.font import ADVANCE, GlyphlessFont
from workers.ocr.searchable.lines import Box, LineOfWords, PageWords

_FONT_NAME: Final = "/TwolaneGlyphless"
_SKEWED: Final = 1.6
"""Heights of a word from which on a line is slanted rather than of letters that are high and low."""

_EXTENT: Final = ADVANCE / 1000


class TextLayerWriter:
    """Puts words over pages of a PDF; `finish` once, at the end.

    Args:
        pdf: an open PDF.
    """

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._font = GlyphlessFont(pdf)
        self._used = False

    def put(self, page: Page, words: PageWords) -> None:
        """Put the words of a page over it. They come before what the page draws itself, in a state nobody changed."""
        if not words.lines:
            return
        place = geometry.to_page(page, 72 / words.dpi)
        if words.transform is not None:
            place = after(place, words.transform)
        name = _lend(page, self._font.reference)
        content = f"q\nBT\n3 Tr\n{name} 1 Tf\n" + "".join(self._shown(words.lines, place)) + "ET\nQ\n"
        stream = self._pdf.make_stream(zlib.compress(content.encode()), Filter=Name.FlateDecode)
        before = page.obj.get(Name.Contents)
        rest = list(before) if isinstance(before, Array) else [] if before is None else [before]
        page.obj.Contents = Array([stream, *rest])
        self._used = True

    def finish(self) -> None:
        """Write the font."""
        if self._used:
            self._font.finish()

    def _shown(self, lines: Sequence[LineOfWords], place: Transform) -> Iterator[str]:
        for line in lines:
            placed = list(_placed(line))
            yield self._show(*placed[0], place)
            for (_, before), (text, box) in pairwise(placed):
                yield self._show(" ", _between(before, box), place)
                yield self._show(text, box, place)

    def _show(self, text: str, box: Box, place: Transform) -> str:
        """Stretch a text over a box: one matrix does size, direction and place."""
        x0, y0, x1, y1 = box
        start, end = (x1, x0) if _right_to_left(text) else (x0, x1)
        along, up = _straight(place, end - start, 0), _straight(place, 0, y0 - y1)
        middle = _point(place, (x0 + x1) / 2, (y0 + y1) / 2)
        origin = (middle[axis] - (along[axis] + up[axis]) / 2 for axis in (0, 1))
        width = _EXTENT * len(text)
        matrix = (along[0] / width, along[1] / width, *up, *origin)
        return f"{' '.join(map(_number, matrix))} Tm <{self._font.encode(text)}> Tj\n"


def _lend(page: Page, font: pikepdf.Object) -> str:
    """Name a font in the resources of a page, which may share them with others: it gets a copy; return the name."""
    shared: Any = next((node[Name.Resources] for node in geometry.chain(page) if Name.Resources in node), {})
    resources = Dictionary(dict(shared))
    given: Any = resources.get(Name.Font, {})
    fonts = Dictionary(dict(given))
    name = _FONT_NAME
    while name in fonts:
        name += "X"
    fonts[name] = font
    resources.Font = fonts
    page.obj.Resources = resources
    return name


def _placed(line: LineOfWords) -> Iterator[tuple[str, Box]]:
    """Yield words with boxes of the line's height, so that what is marked is even; a slanted line's keep their own."""
    top, bottom = min(box[1] for _, box in line), max(box[3] for _, box in line)
    straight = bottom - top <= _SKEWED * median(max(1, box[3] - box[1]) for _, box in line)
    for text, (x0, y0, x1, y1) in line:
        high, low = (top, bottom) if straight else (y0, y1)
        yield text, (x0, high, max(x1, x0 + 1), max(low, high + 1))


def _between(box: Box, following: Box) -> Box:
    """Return where the space between two words is; a hair's breadth where they touch."""
    left, right = sorted((box, following))
    start = min(left[2], right[0] - 1)
    return start, left[1], max(right[0], start + 1), left[3]


def _right_to_left(text: str) -> bool:
    """Whether its first letter with a direction runs from right to left: such words are shown so, as readers expect."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L") != "L"


def _point(place: Transform, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = place
    return a * x + b * y + c, d * x + e * y + f


def _straight(place: Transform, x: float, y: float) -> tuple[float, float]:
    """Return where a step leads on the page, along the page's nearer side.

    A word of a page that leans lies level across its ink, not along it: whoever takes text out of a PDF sees letters
    that climb as many lines of one letter each.
    """
    a, b, _, d, e, _ = place
    across, upward = a * x + b * y, d * x + e * y
    length = hypot(across, upward)
    return (copysign(length, across), 0.0) if abs(across) >= abs(upward) else (0.0, copysign(length, upward))


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
