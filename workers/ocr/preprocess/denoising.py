"""Removing specks and grain, where there are any: on a clean page it could only blur."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

_BLOCK: Final = 64
_LEAST_GRAIN: Final = 12.0
"""Standard deviation of the grey of paper; a flatbed scanner's is below 5."""

_LEAST_SPECKS: Final = 0.001
"""Share of pixels that differ wholly from even ground around them."""

_ALONE: Final = 96
_EVEN: Final = 48
_ENOUGH: Final = 2_000_000
"""Of a page of more pixels than this the upper quarter is looked at for specks."""
_APERTURE: Final = 3


def denoise(image: Image.Image) -> Image.Image:
    """Return the page without specks and grain; the same if it has none. `image` is mode `L`."""
    grey = np.asarray(image)
    even = cv2.medianBlur(grey, _APERTURE)
    specks = _specks(grey, even)
    grain = _grain(grey)
    if specks < _LEAST_SPECKS and grain < _LEAST_GRAIN:
        return image
    if grain >= _LEAST_GRAIN:
        even = cv2.bilateralFilter(even, 0, 2.5 * grain, 1.5)
    return Image.fromarray(even)


def _specks(grey: np.ndarray[Any, Any], even: cv2.typing.MatLike) -> float:
    """Return the share of pixels that stand alone on even ground; dots and thin strokes of print have print nearby."""
    rows = grey.shape[0] // 4 if grey.size > _ENOUGH else grey.shape[0]
    ground = cv2.morphologyEx(even[:rows], cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    alone = (cv2.absdiff(grey[:rows], even[:rows]) > _ALONE) & (ground < _EVEN)
    return float(np.mean(alone))


def _grain(grey: np.ndarray[Any, Any]) -> float:
    """Return how much the quietest quarter of the page varies: paper, not print.

    The noise of a picture (Immerkaer, 1996): what the difference of two Laplacians leaves of it.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rows, columns = (side // _BLOCK * _BLOCK for side in grey.shape)
    if not rows or not columns:
        return 0.0
    laplacian = np.abs(cv2.filter2D(grey[:rows, :columns], cv2.CV_32F, kernel))
    blocks = cv2.resize(laplacian, (columns // _BLOCK, rows // _BLOCK), interpolation=cv2.INTER_AREA)
    return float(np.percentile(blocks, 25)) * float(np.sqrt(np.pi / 2)) / 6
