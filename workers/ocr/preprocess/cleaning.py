"""Evening out light, and giving ink the contrast it lacks."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

_WHITE: Final = 255
_SCALE: Final = 8
"""The paper is measured at this part of the page's size."""

_LETTER: Final = 9
"""Wider, at that scale, than the strokes of any letter: 72 pixels of the page."""

_LEAST_SHADE: Final = 0.93
"""Paper nowhere darker than this part of its brightest is evenly lit."""

_FAINT: Final = 128
"""Ink less far from the paper than this is faint."""

_HALF, _ALL = 0.5, 0.9
"""How much of the darkest ink's greyness is taken off: of ink in uneven light, and of faint ink."""


def clean(image: Image.Image) -> Image.Image:
    """Return the page with its paper evenly white and its ink dark; the same if it was. `image` is mode `L`."""
    grey = np.asarray(image)
    paper = _paper(grey)
    darkest, brightest = np.percentile(paper, (2, 98))
    if darkest < _LEAST_SHADE * brightest:
        light = cv2.resize(paper, image.size, interpolation=cv2.INTER_LINEAR)
        return Image.fromarray(_stretched(cv2.divide(grey, np.maximum(light, 1), scale=_WHITE), _HALF))
    if brightest - np.percentile(grey[::_SCALE, ::_SCALE], 1) < _FAINT:
        return Image.fromarray(_stretched(cv2.convertScaleAbs(grey, alpha=_WHITE / max(1.0, float(brightest))), _ALL))
    return image


def _paper(grey: np.ndarray[Any, Any]) -> cv2.typing.MatLike:
    """Return the paper without its ink, at an eighth of the size: the brightest nearby, smoothed."""
    size = tuple(max(1, side // _SCALE) for side in grey.shape[::-1])
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    brightest = cv2.dilate(small, np.ones((_LETTER, _LETTER), np.uint8))
    return cv2.GaussianBlur(brightest, (0, 0), _LETTER - 1)


def _stretched(grey: cv2.typing.MatLike, share: float) -> cv2.typing.MatLike:
    """Spread the greys: so much of the darkest ink's greyness goes, and paper becomes white."""
    dark = float(np.percentile(grey[::_SCALE, ::_SCALE], 1)) * share
    alpha = _WHITE / max(1.0, 0.97 * _WHITE - dark)
    table = np.clip((np.arange(256) - dark) * alpha, 0, _WHITE).astype(np.uint8)
    return cv2.LUT(grey, table)
