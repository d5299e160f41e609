"""Bringing print to the size engines read best."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from PIL import Image

from workers.ocr import appearance

_BEST: Final = 25.0
"""Pixels a letter is high at the median: 10 to 12 points at 300 dpi, which tesseract is trained for."""

PRINT_DPI: Final = 300
"""What print of that size looks like, whatever resolution the file states."""

_GOOD: Final = (12.0, 40.0)
"""Letters between these are left alone."""

_LEAST_LETTERS: Final = 30
_MOST: Final = 4.0
_MOST_PIXELS: Final = 40_000_000


def normalize(image: Image.Image, dpi: int) -> tuple[Image.Image, int]:
    """Return the page with letters of a good size, and its resolution then; the same if they are. Mode `L`."""
    look = appearance.of(image)
    if look.ink.letters < _LEAST_LETTERS or _GOOD[0] <= look.letter_height <= _GOOD[1]:
        return image, dpi
    affordable = (_MOST_PIXELS / (image.width * image.height)) ** 0.5
    factor = min(_BEST / look.letter_height, _MOST, max(1.0, affordable))
    new = max(1, round(dpi * factor))
    size = (max(1, round(image.width * new / dpi)), max(1, round(image.height * new / dpi)))
    how = cv2.INTER_AREA if new < dpi else cv2.INTER_CUBIC
    return Image.fromarray(cv2.resize(np.asarray(image), size, interpolation=how)), new
