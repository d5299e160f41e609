"""From a page to its text."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from workers.ocr.engine import PageText, Word
from workers.ocr.engines.rapidocr import recognition
from workers.ocr.engines.rapidocr.crops import Crop, cut
from workers.ocr.engines.rapidocr.decoding import Piece
from workers.ocr.engines.rapidocr.detection import detect
from workers.ocr.engines.rapidocr.layout import Line, compose
from workers.ocr.engines.rapidocr.models import Models
from workers.ocr.engines.rapidocr.recognition import recognise

cv2.setNumThreads(1)  # its pool of threads would be missing in a forked process

_LEAST_CONFIDENCE = 0.5


def read(image: Image.Image, models: Models) -> PageText:
    """Read a page."""
    page = np.asarray(image, dtype=np.uint8)
    found = (cut(page, region.corners) for region in detect(page, models.detector))
    crops = [crop for crop in found if crop is not None]
    lines = [_line(crop, pieces) for crop, pieces in zip(crops, recognise(crops, models), strict=True) if _real(pieces)]
    return compose(lines)


def warm(models: Models) -> None:
    """Run the models once at the sizes they meet most: preparing for a size takes longer than reading a line."""
    recognition.warm(models)
    read(Image.new("L", (736, 1024), 255), models)


def _real(pieces: list[Piece]) -> bool:
    """Tell whether this is text rather than a stain the network took for it."""
    letters = sum(len(piece.text) for piece in pieces)
    return letters > 0 and sum(piece.confidence * len(piece.text) for piece in pieces) / letters >= _LEAST_CONFIDENCE


def _line(crop: Crop, pieces: list[Piece]) -> Line:
    words = tuple(
        Word(piece.text, round(min(1.0, piece.confidence), 4), crop.box(piece.start, piece.end)) for piece in pieces
    )
    return Line(words, crop.box(0, crop.pixels.shape[1]))
