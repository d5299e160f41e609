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
_LONG_SIDE: Final = 2016
_PROBABLE: Final = 0.3
_SURE: Final = 0.5
_UNCLIP: Final = 1.6
"""The network is trained to mark the core of a line alone: area over perimeter times this is what it left out."""

_LEAST_SIDE: Final = 3.0
_MOST_LINES: Final = 4000


@dataclass(frozen=True, slots=True)
class Region:
    """One line.

    Attributes:
        corners: top left, top right, bottom right and bottom left as one reads it; `(4, 2)`, pixels of the page.
        score: 0-1, how sure the network is that this is text.
    """

    corners: Floats
    score: float


def detect(page: Grey, model: Model) -> list[Region]:
    """Find the lines of a page, in no order."""
    height, width = page.shape
    size = _input_size(width, height)
    small = resized(page, size)
    batch = np.broadcast_to(small.astype(np.float32) * np.float32(2 / 255) - np.float32(1), (1, 3, *small.shape))
    found = model(np.ascontiguousarray(batch))[0, 0]
    scale = np.array([width / size[0], height / size[1]], np.float32)
    return [Region(region.corners * scale, region.score) for region in _regions(found)]


def resized(image: Grey, size: tuple[int, int]) -> Grey:
    """Return the image at another size: averaged when it shrinks, so that thin strokes don't fall between pixels."""
    height, width = image.shape
    shrinks = size[0] * size[1] < width * height
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)  # type: ignore[return-value]


def _input_size(width: int, height: int) -> tuple[int, int]:
    """Width and height to look for lines at."""
    factor = max(1.0, _SHORT_SIDE / min(width, height))
    factor = min(factor, _LONG_SIDE / max(width, height))
    return _stepped(width * factor), _stepped(height * factor)


def _stepped(side: float) -> int:
    return max(_STRIDE, round(side / _STRIDE) * _STRIDE)


def _regions(found: Floats) -> list[Region]:
    mask = cv2.dilate((found > _PROBABLE).astype(np.uint8), np.ones((2, 2), np.uint8))
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


def _score(found: Floats, corners: Any) -> float:
    """Return the mean probability inside a box."""
    height, width = found.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(found[top : bottom + 1, left : right + 1], mask)[0])


def _as_read(corners: Floats) -> Floats:
    """Return the corners from the top left clockwise; a box much taller than wide is read from its bottom to its top.

    Which way such a line really runs is found out later.
    """
    by_sum, by_difference = corners.sum(axis=1), np.diff(corners, axis=1)[:, 0]
    ordered = corners[[by_sum.argmin(), by_difference.argmin(), by_sum.argmax(), by_difference.argmax()]]
    across = np.linalg.norm(ordered[1] - ordered[0])
    down = np.linalg.norm(ordered[3] - ordered[0])
    return np.roll(ordered, -3, axis=0) if down >= 1.5 * across else ordered
