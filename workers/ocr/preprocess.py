"""Making a page easier to read: straightened, and lit evenly. Each step leaves a good page as it is."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PIL import Image, ImageFilter

_WHITE: Final = 255

# --- deskew

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


def deskew(image: Image.Image) -> Image.Image:
    """Return the page turned so that its lines run level; it grows by the corners. `image` is mode `L`."""
    degrees = skew(image)
    if abs(degrees) < _LEAST_DEGREES:
        return image
    return image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_WHITE)


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


Coordinates = np.ndarray[Any, np.dtype[np.float32]]


def _dark_points(image: Image.Image) -> tuple[Coordinates, Coordinates]:
    """Return x and y of (a sample of) the pixels darker than their surroundings, at reduced size, centred."""
    small = image.copy()
    small.thumbnail((_SKEW_SIDE, _SKEW_SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.int16)
    around = np.asarray(small.filter(ImageFilter.BoxBlur(15)), dtype=np.int16)
    rows, columns = np.nonzero(grey < around - 24)
    step = max(1, len(rows) // _SKEW_POINTS)
    across = columns[::step].astype(np.float32) - np.float32(small.width / 2)
    down = rows[::step].astype(np.float32) - np.float32(small.height / 2)
    return across, down


def _sharpest(across: Coordinates, down: Coordinates, angles: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(max(angles, key=lambda degrees: _sharpness(across, down, float(degrees))))


def _sharpness(across: Coordinates, down: Coordinates, degrees: float) -> float:
    """Return how uneven the rows are filled once the points are turned by `degrees`."""
    radians = np.float32(np.deg2rad(degrees))
    rows = down * np.cos(radians) + across * np.sin(radians)
    profile = np.bincount((rows - rows.min()).astype(np.int32)).astype(np.float64)
    return float(np.square(np.diff(profile)).sum()) + 1.0


# --- clean

_BACKGROUND_SCALE: Final = 8
_LEAST_SHADE: Final = 0.93
"""Paper nowhere darker than this part of its brightest is evenly lit."""


def clean(image: Image.Image) -> Image.Image:
    """Return the page with its paper evenly white: divided by its own background. `image` is mode `L`."""
    background = _background(image)
    light = np.asarray(background, dtype=np.float32)
    if np.percentile(light, 2) >= _LEAST_SHADE * np.percentile(light, 98):
        return image
    paper = np.asarray(background.resize(image.size, Image.Resampling.BILINEAR), dtype=np.float32)
    flat = np.asarray(image, dtype=np.float32) * (_WHITE / np.maximum(paper, 1.0))
    return _stretched(np.minimum(flat, _WHITE))


def _background(image: Image.Image) -> Image.Image:
    """Return the paper without its ink, at an eighth of the size: the brightest nearby, smoothed."""
    small = image.reduce(_BACKGROUND_SCALE) if min(image.size) > 4 * _BACKGROUND_SCALE else image
    brightest = small.filter(ImageFilter.MaxFilter(9))
    return brightest.filter(ImageFilter.GaussianBlur(8))


def _stretched(flat: np.ndarray[Any, np.dtype[np.float32]]) -> Image.Image:
    """Spread the greys a little: ink to black, paper to white."""
    dark = float(np.percentile(flat[::8, ::8], 1))
    span = max(1.0, 0.97 * _WHITE - dark / 2)
    return Image.fromarray(np.clip((flat - dark / 2) * (_WHITE / span), 0, _WHITE).astype(np.uint8))
