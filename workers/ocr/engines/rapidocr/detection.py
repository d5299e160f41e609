"""Where the lines of a page are: differentiable binarisation (Liao et al., 2020), from a network's map to boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from workers.ocr.engines.rapidocr.models import Floats, Grey, Model

_STRIDE: Final = 32
"""The network halves its input five times."""

_SHORT_SIDE: Final = 736
"""What the network was taught on: smaller pages are enlarged to it."""

_MOST_ENLARGED: Final = 4.0
_MOST_PIXELS: Final = 2_900_000
"""Larger pages are reduced to this, unless their print is too small for that: an A4 page comes out at 175 dpi."""

_LEAST_PRINT: Final = 10.0
"""Pixels: letters must be as high as this to be found."""

_MOST_TILED_PIXELS: Final = 36_000_000
_TILE: Final = 1536
_MARGIN: Final = 128
"""What the network sees around a tile; what it says about that is thrown away."""

_PROBABLE: Final = 0.3
_SURE: Final = 0.5
_UNCLIP: Final = 1.5
"""The network is trained to mark the core of a line alone: area over perimeter times this is what it left out."""

_LEAST_SIDE: Final = 3.0
_MOST_LINES: Final = 4000


@dataclass(frozen=True, slots=True)
class Region:
    """One line.

    Attributes:
        corners: top left, top right, bottom right and bottom left on the page; `(4, 2)`, its pixels.
        score: 0-1, how sure the network is that this is text.
    """

    corners: Floats
    score: float

    @property
    def across(self) -> float:
        """Width, in pixels."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def down(self) -> float:
        """Height, in pixels."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))


def detect(page: Grey, model: Model) -> list[Region]:
    """Find the lines of a page, in no order."""
    height, width = page.shape
    across, down = _input_size(page)
    small = resized(page, (across, down))
    # Little pictures are surrounded by more of their edge: stretched to the network's step, letters would be squashed.
    framed = cv2.copyMakeBorder(small, 0, -down % _STRIDE, 0, -across % _STRIDE, cv2.BORDER_REPLICATE)
    found = _map(framed, model)
    scale = np.array([width / across, height / down], np.float32)
    return [Region(region.corners * scale, region.score) for region in _regions(found)]


def _map(picture: Any, model: Model) -> Any:
    """Return the probability of text at each pixel, as bytes: large pictures in tiles, put together without a seam."""
    height, width = picture.shape
    found = np.empty((height, width), np.uint8)
    tile = _TILE if height * width > _MOST_PIXELS * 1.2 else max(height, width)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            upper, lefter = max(0, top - _MARGIN), max(0, left - _MARGIN)
            seen = picture[upper : top + tile + _MARGIN, lefter : left + tile + _MARGIN]
            part = model(_batch(seen))[0, 0, top - upper :, left - lefter :][:tile, :tile]
            found[top : top + tile, left : left + tile] = part * np.float32(255)
    return found


def _batch(picture: Any) -> Floats:
    """The picture as the network takes it: grey as three colours, -1 to 1."""
    scaled = picture.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    return np.ascontiguousarray(np.broadcast_to(scaled, (1, 3, *picture.shape)))


def resized(image: Grey, size: tuple[int, int]) -> Grey:
    """Return the image at another size: averaged when it shrinks, so that thin strokes don't fall between pixels."""
    height, width = image.shape
    shrinks = size[0] * size[1] < width * height
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)  # type: ignore[return-value]


def _input_size(page: Grey) -> tuple[int, int]:
    """Width and height to look for lines at."""
    height, width = page.shape
    factor = min(max(1.0, _SHORT_SIDE / min(width, height)), _MOST_ENLARGED)
    factor = min(factor, (_MOST_PIXELS / (width * height)) ** 0.5)
    if factor < 0.5 and 0 < (print_height := _print_height(page)) * factor < _LEAST_PRINT:  # noqa: PLR2004 - half
        factor = min(1.0, _LEAST_PRINT / print_height, (_MOST_TILED_PIXELS / (width * height)) ** 0.5)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _print_height(page: Grey) -> float:
    """Return how high most letters of a large page are, in pixels; 0 if it has none."""
    half = cv2.resize(page, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    ink = cv2.adaptiveThreshold(half, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 16)
    _, _, found, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    heights, widths = found[1:, cv2.CC_STAT_HEIGHT], found[1:, cv2.CC_STAT_WIDTH]
    letters = heights[(heights >= _LEAST_SIDE) & (widths >= 2) & (heights < 10 * widths) & (widths < 10 * heights)]  # noqa: PLR2004
    return 2 * float(np.median(letters)) if len(letters) else 0.0


def _regions(found: Any) -> list[Region]:
    mask = cv2.dilate((found > _PROBABLE * 255).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    regions = []
    for contour in contours[:_MOST_LINES]:
        center, sides, angle = cv2.minAreaRect(contour)
        if min(sides) < _LEAST_SIDE:
            continue
        score = _score(found, cv2.boxPoints((center, sides, angle)))
        if score < _SURE:
            continue
        margin = 2 * sides[0] * sides[1] * _UNCLIP / (2 * (sides[0] + sides[1]))
        grown = cv2.boxPoints((center, (sides[0] + margin, sides[1] + margin), angle))
        regions.append(Region(_as_read(grown.astype(np.float32)), score))
    return regions


def _score(found: Any, corners: Any) -> float:
    """Return the mean probability inside a box."""
    height, width = found.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(found[top : bottom + 1, left : right + 1], mask)[0]) / 255


def _as_read(corners: Floats) -> Floats:
    """Return the corners from the top left clockwise."""
    by_sum, by_difference = corners.sum(axis=1), np.diff(corners, axis=1)[:, 0]
    return corners[[by_sum.argmin(), by_difference.argmin(), by_sum.argmax(), by_difference.argmax()]]
