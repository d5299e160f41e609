"""Lines cut out of a page, level and at the height the recogniser takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.ocr.engines.rapidocr.detection import resized
from workers.ocr.engines.rapidocr.models import Floats, Grey

HEIGHT: Final = 48
_LEVEL_PIXELS: Final = 1.5
"""A box that leans by less than this much is cut out as it stands."""

_MOST_WIDTH: Final = 3200
"""Longer lines are squeezed: 66 times as long as high, no print is."""


@dataclass(frozen=True, slots=True)
class Crop:
    """One line as a picture.

    Attributes:
        corners: of the line on the page, from the top left as one reads; `(4, 2)`.
        pixels: `(48, width)`.
    """

    corners: Floats
    pixels: Grey

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
        """A rectangle in pixels of the crop as the box around it on the page."""
        height, width = self.pixels.shape
        shares = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32) / (width, height)
        across, down = shares[:, :1], shares[:, 1:]
        upper = self.corners[0] + across * (self.corners[1] - self.corners[0])
        lower = self.corners[3] + across * (self.corners[2] - self.corners[3])
        points = upper + down * (lower - upper)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)

    def ink(self) -> NDArray[np.bool_]:
        """Where the line is inked, light on dark or dark on light; `(48, width)`."""
        threshold, _ = cv2.threshold(self.pixels, 0, 255, cv2.THRESH_OTSU)
        dark = self.pixels <= threshold
        return dark if 2 * np.count_nonzero(dark) <= dark.size else ~dark


def cut(page: Grey, corners: Floats) -> Crop | None:
    """Cut one line out; None if nothing of it lies on the page."""
    height, width = page.shape
    corners = np.clip(corners, 0, (width, height)).astype(np.float32)
    across = float(np.linalg.norm(corners[1] - corners[0]))
    down = float(np.linalg.norm(corners[3] - corners[0]))
    if across < 1 or down < 1:
        return None
    size = (min(_MOST_WIDTH, max(8, round(HEIGHT * across / down))), HEIGHT)
    lean = np.abs(corners - corners[[1, 0, 3, 2]])[:, 1].max()
    if lean <= _LEVEL_PIXELS and corners[1, 0] > corners[0, 0]:
        left, top = np.floor(corners.min(axis=0)).astype(int)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int)
        return Crop(corners, resized(np.ascontiguousarray(page[top:bottom, left:right]), size))
    return Crop(corners, resized(_straightened(page, corners, round(across), round(down)), size))


def _straightened(page: Grey, corners: Floats, width: int, height: int) -> Grey:
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(  # type: ignore[return-value]
        page, matrix, (max(1, width), max(1, height)), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
