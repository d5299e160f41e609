"""From a page to its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from PIL import Image

from workers.ocr.engine import PageText, Word
from workers.ocr.engines.rapidocr import orientation, recognition
from workers.ocr.engines.rapidocr.columns import Line
from workers.ocr.engines.rapidocr.crops import Crop, cut
from workers.ocr.engines.rapidocr.decoding import Piece
from workers.ocr.engines.rapidocr.detection import Region, detect
from workers.ocr.engines.rapidocr.layout import compose
from workers.ocr.engines.rapidocr.models import Grey, Models

cv2.setNumThreads(1)  # its pool of threads would be missing in a forked process

_LEAST_CONTRAST: Final = 12
"""Greys between the darkest and the lightest pixel: less is a blank page."""

_LEAST_CONFIDENCE: Final = 0.5
_DOUBTFUL: Final = 0.8
_SAMPLE: Final = 6
_CLEARLY_BETTER: Final = 0.1

_Read = list[tuple[Crop, list[Piece]]]


def read(image: Image.Image, models: Models) -> PageText:
    """Read a page."""
    page = np.asarray(image, dtype=np.uint8)
    if int(page.max()) - int(page.min()) < _LEAST_CONTRAST:
        return PageText("")
    regions = detect(page, models.detector)
    turn, found = _upright(page, regions, models)
    height, width = page.shape
    lines = []
    for crop, pieces in found:
        if _confidence([pieces]) >= _LEAST_CONFIDENCE:  # else a stain that was taken for text
            words = tuple(_word(crop, piece, width, height) for piece in pieces)
            box = crop.box(0, 0, crop.pixels.shape[1], crop.pixels.shape[0])
            lines.append(Line(words, orientation.upright(box, turn, width, height)))
    return compose(lines)


def warm(models: Models) -> None:
    """Run the models once at the sizes they meet most: preparing for a size takes longer than reading a line."""
    recognition.warm(models)
    detect(np.full((1024, 736), 255, np.uint8), models.detector)


def _upright(page: Grey, regions: Sequence[Region], models: Models) -> tuple[int, _Read]:
    """Read the lines, the other way round if that way they make little sense; and tell how the page is turned."""
    likely, other = orientation.likely_turns(regions)
    found = _recognised(page, regions, likely, models)
    if _confidence([pieces for _, pieces in found]) >= _DOUBTFUL:
        return likely, found
    sample = sorted(regions, key=lambda region: -max(region.across, region.down))[:_SAMPLE]
    one, two = (_recognised(page, sample, turn, models) for turn in (likely, other))
    gain = _confidence([pieces for _, pieces in two]) - _confidence([pieces for _, pieces in one])
    if gain < _CLEARLY_BETTER:
        return likely, found
    return other, _recognised(page, regions, other, models)


def _recognised(page: Grey, regions: Sequence[Region], turn: int, models: Models) -> _Read:
    cuts = (cut(page, orientation.as_read(region, turn)) for region in regions)
    crops = [crop for crop in cuts if crop is not None]
    return list(zip(crops, recognition.recognise(crops, models), strict=True))


def _confidence(lines: Sequence[list[Piece]]) -> float:
    """Return the mean confidence of the letters of some lines."""
    letters = sum(len(piece.text) for line in lines for piece in line)
    sure = sum(piece.confidence * len(piece.text) for line in lines for piece in line)
    return sure / letters if letters else 0.0


def _word(crop: Crop, piece: Piece, width: int, height: int) -> Word:
    left, top, right, bottom = crop.box(piece.left, piece.top, piece.right, piece.bottom)
    box = (max(0, left), max(0, top), min(width, right), min(height, bottom))
    return Word(piece.text, round(min(1.0, piece.confidence), 4), box)
