"""Lines read, one after the other: on one thread a batch is no faster, and pads its lines to the widest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from workers.ocr.engines.rapidocr.crops import HEIGHT, Crop
from workers.ocr.engines.rapidocr.decoding import Piece, decode
from workers.ocr.engines.rapidocr.models import Floats, Models

_STEP: Final = 64
_COARSE_STEP: Final = 256
_LEAST_WIDTH: Final = 128
_USUAL_WIDTH: Final = 1024
"""Widths are rounded up, to fewer sizes beyond the usual: what OpenVINO prepares for each takes 20 ms and stays."""


def recognise(crops: Sequence[Crop], models: Models) -> list[list[Piece]]:
    """Read the lines; the answer has one list of pieces for each, in the same order."""
    return [decode(models.recogniser(_batch(crop))[0], crop, models.characters) for crop in crops]


def warm(models: Models) -> None:
    """Run the recogniser once at each usual width."""
    for width in range(_LEAST_WIDTH, _USUAL_WIDTH + 1, _STEP):
        models.recogniser(np.zeros((1, 3, HEIGHT, width), np.float32))


def _padded(width: int) -> int:
    step = _STEP if width <= _USUAL_WIDTH else _COARSE_STEP
    return max(_LEAST_WIDTH, -(-width // step) * step)


def _batch(crop: Crop) -> Floats:
    """The crop as the network takes it: grey as three colours, -1 to 1; what is left at the right is 0."""
    width = crop.pixels.shape[1]
    batch = np.zeros((1, 3, HEIGHT, _padded(width)), np.float32)
    batch[:, :, :, :width] = crop.pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    return batch
