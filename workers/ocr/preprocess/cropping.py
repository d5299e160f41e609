"""Cutting off what is not paper: black borders of a copier, the table under a photographed sheet."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from PIL import Image

from workers.ocr.geometry import IDENTITY, Transform, moved

_SIDE: Final = 800
"""Longest side of the reduced page the paper is looked for on."""

_LEAST_SHARE, _MOST_SHARE = 0.2, 0.97
"""Of the page: a smaller piece is a label on something, a larger leaves nothing to cut off."""

_DARKER: Final = 40
"""By how much, at least, the surroundings are darker than the paper."""

_LEAST_FILLED: Final = 0.75
"""Share of its frame that the paper fills: a sheet lying up to 10 degrees askew, not a patch of light."""

_MARGIN: Final = 0.005


def crop(image: Image.Image) -> tuple[Image.Image, Transform]:
    """Return the paper alone and where it lay; the same page if it fills the picture. `image` is mode `L`."""
    factor = min(1.0, _SIDE / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    small = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA)
    frame = _paper(small)
    if frame is None:
        return image, IDENTITY
    left, top, width, height = frame
    margin = _MARGIN * max(size)
    box = (
        max(0, round((left - margin) / factor)),
        max(0, round((top - margin) / factor)),
        min(image.width, round((left + width + margin) / factor)),
        min(image.height, round((top + height + margin) / factor)),
    )
    return image.crop(box), moved(box[0], box[1])


def _paper(small: cv2.typing.MatLike) -> tuple[int, int, int, int] | None:
    """Return left, top, width and height of the one bright sheet on a darker ground; None if there is none."""
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))  # the sheet without its print
    _, mask = cv2.threshold(closed, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4, ltype=cv2.CV_32S)
    if count < 2:  # noqa: PLR2004 - the first is the ground
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, width, height, area = map(int, stats[largest])
    inside = np.zeros(mask.shape, bool)
    inside[top : top + height, left : left + width] = True
    share = width * height / mask.size
    if not _LEAST_SHARE <= share <= _MOST_SHARE or area < _LEAST_FILLED * width * height:
        return None
    darker = float(np.median(closed[labels == largest])) - float(np.median(closed[~inside]))
    return (left, top, width, height) if darker >= _DARKER else None
