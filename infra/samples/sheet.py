"""A sheet of paper that is written on with Pillow and remembers what was written, in reading order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

A4_INCHES = (8.27, 11.69)
POINTS_PER_INCH = 72
WHITE = 255
BLACK = 0
# The typeface comes in one weight only: bold is drawn as an outline of this share of the size.
_BOLD = 1 / 34

Align = Literal["left", "middle", "right"]
_ANCHORS = {"left": "ls", "middle": "ms", "right": "rs"}


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    """The typeface that comes inside Pillow, so that every machine draws the same page."""
    font = ImageFont.load_default(pixels)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType: install a Pillow wheel from the package index")
    return font


class Sheet:
    """A gray sheet, `width` x `height` pixels at `dpi`; sizes and places are given in points (1/72 inch).

    `y` is the baseline of the line written last; `lines` is the text so far; `spread` is how far the ink runs beyond
    the outline of a letter, as a share of the size of the type.
    """

    def __init__(self, width: int, height: int, dpi: int, spread: float = 0.0) -> None:
        self.dpi = dpi
        self.spread = spread
        self.image = Image.new("L", (width, height), WHITE)
        self.draw = ImageDraw.Draw(self.image)
        self.y = 0.0
        self.lines: list[str] = []

    @classmethod
    def a4(cls, dpi: int = 300) -> Sheet:
        """An empty A4 sheet."""
        return cls(round(A4_INCHES[0] * dpi), round(A4_INCHES[1] * dpi), dpi)

    @property
    def text(self) -> str:
        """Everything written, a line a line."""
        return "\n".join(self.lines) + "\n"

    def px(self, points: float) -> int:
        """Points in pixels."""
        return round(points * self.dpi / POINTS_PER_INCH)

    def at(self, y: float) -> None:
        """Go on at `y` points from the top."""
        self.y = y

    def skip(self, points: float) -> None:
        """Leave room."""
        self.y += points

    def line(self, text: str, x: float, size: float = 11, *, align: Align = "left", bold: bool = False) -> None:
        """Write one line below the last one."""
        self.row([(text, x, align)], size, bold=bold)

    def row(self, cells: Sequence[tuple[str, float, Align]], size: float = 11, *, bold: bool = False) -> None:
        """Write `(text, x, align)` cells on one baseline below the last line."""
        self.y += size * 1.42
        for text, x, align in cells:
            place = (self.px(x), self.px(self.y))
            stroke = self.px(size) * (_BOLD if bold else self.spread)
            self.draw.text(
                place, text, BLACK, _font(self.px(size)), _ANCHORS[align], stroke_width=stroke, stroke_fill=BLACK
            )
        self.lines.append(" ".join(text for text, _, _ in cells))

    def paragraph(self, text: str, x: float, width: float, size: float = 11) -> None:
        """Write `text` in lines no wider than `width` points, then leave half a line."""
        for line in self._wrapped(text, width, size):
            self.line(line, x, size)
        self.skip(size * 0.6)

    def _wrapped(self, text: str, width: float, size: float) -> list[str]:
        """`text` broken between words."""
        font, room = _font(self.px(size)), self.px(width)
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if font.getlength(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def rule(self, x0: float, x1: float, weight: float = 0.7, below: float = 5) -> None:
        """Draw a horizontal line `below` points under the last baseline and go on below it."""
        self.y += below
        y = self.px(self.y)
        self.draw.line([(self.px(x0), y), (self.px(x1), y)], fill=BLACK, width=max(1, self.px(weight)))

    def stroke(self, points: Sequence[tuple[float, float]], weight: float = 1.2) -> None:
        """Draw a pen stroke through `points`, rounded as a hand would."""
        path = [(self.px(x), self.px(y)) for x, y in _smooth(points)]
        self.draw.line(path, fill=BLACK, width=max(1, self.px(weight)), joint="curve")


def _smooth(points: Sequence[tuple[float, float]], rounds: int = 4) -> list[tuple[float, float]]:
    """Cut the corners of a polyline by Chaikin's method, `rounds` times."""
    path = list(points)
    for _ in range(rounds):
        cut = [path[0]]
        for (x0, y0), (x1, y1) in itertools.pairwise(path):
            cut += [(0.75 * x0 + 0.25 * x1, 0.75 * y0 + 0.25 * y1), (0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1)]
        path = [*cut, path[-1]]
    return path
