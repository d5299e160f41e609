"""Straightening pages that are a few degrees off."""

from __future__ import annotations

from math import cos, radians, sin
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from workers.ocr.geometry import IDENTITY, Transform, rotated

_WHITE: Final = 255

_MOST_DEGREES: Final = 10.0
_COARSE_STEP: Final = 0.5
_FINE_STEP: Final = 0.05
_LEAST_DEGREES: Final = 0.15
"""Below this tesseract reads as well, and turning only blurs."""

_SKEW_SIDE: Final = 1200
"""Longest side of the reduced image skew is measured on: 0.05 degrees move its edge by one pixel."""

_SKEW_POINTS: Final = 60_000
_LEAST_POINTS: Final = 200
_LEAST_GAIN: Final = 1.05
"""Lines stand out of the profile this much sharper after turning, or the page has none to go by."""

Coordinates = np.ndarray[Any, np.dtype[np.float32]]


def deskew(image: Image.Image) -> tuple[Image.Image, Transform]:
    """Return the page turned so that its lines run level, and how it lay; it grows by the corners. Mode `L`."""
    degrees = skew(image)
    if abs(degrees) < _LEAST_DEGREES:
        return image, IDENTITY
    return _turned(image, degrees)


def _turned(image: Image.Image, degrees: float) -> tuple[Image.Image, Transform]:
    """Turn the page clockwise about its centre, in a frame that holds all of it."""
    cosine, sine = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    size = (
        round(image.width * cosine + image.height * sine),
        round(image.width * sine + image.height * cosine),
    )
    undone = rotated(degrees, image.size, size)
    # OpenCV puts a pixel's coordinates at its centre; the transform counts from its corner.
    a, b, c, d, e, f = undone
    inner = np.array([[a, b, c + (a + b - 1) / 2], [d, e, f + (d + e - 1) / 2]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(np.asarray(image), inner, size, flags=flags, borderValue=(_WHITE,))
    return Image.fromarray(turned), undone


def skew(image: Image.Image) -> float:
    """Return by how many degrees (-10 to 10, precise to 0.1) the lines rise to the right; 0 if there are none.

    Turned by the right angle, the dark pixels of a text page fall into sharp rows: the sum of squares of
    their profile peaks there.
    """
    across, down = _dark_points(image)
    if len(across) < _LEAST_POINTS:
        return 0.0
    coarse = np.arange(-_MOST_DEGREES, _MOST_DEGREES + _COARSE_STEP / 2, _COARSE_STEP)
    best = _sharpest(across, down, coarse)
    fine = np.arange(best - _COARSE_STEP, best + _COARSE_STEP + _FINE_STEP / 2, _FINE_STEP)
    best = _sharpest(across, down, fine)
    gain = _sharpness(across, down, best) / _sharpness(across, down, 0.0)
    return round(best, 2) if gain >= _LEAST_GAIN and abs(best) <= _MOST_DEGREES else 0.0


def _dark_points(image: Image.Image) -> tuple[Coordinates, Coordinates]:
    """Return x and y of (a sample of) the pixels darker than their surroundings, at reduced size, centred."""
    factor = min(1.0, _SKEW_SIDE / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    grey = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA).astype(np.int16)
    around = cv2.blur(grey, (31, 31))
    rows, columns = np.nonzero(grey < around - 24)
    step = max(1, len(rows) // _SKEW_POINTS)
    across = columns[::step].astype(np.float32) - np.float32(size[0] / 2)
    down = rows[::step].astype(np.float32) - np.float32(size[1] / 2)
    return across, down


def _sharpest(across: Coordinates, down: Coordinates, angles: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(max(angles, key=lambda degrees: _sharpness(across, down, float(degrees))))


def _sharpness(across: Coordinates, down: Coordinates, degrees: float) -> float:
    """Return how uneven the rows are filled once the points are turned by `degrees`."""
    angle = np.float32(np.deg2rad(degrees))
    rows = down * np.cos(angle) + across * np.sin(angle)
    profile = np.bincount((rows - rows.min()).astype(np.int32)).astype(np.float64)
    return float(np.square(np.diff(profile)).sum()) + 1.0
