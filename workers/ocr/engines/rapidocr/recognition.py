"""Lines read: crops of like widths go through the network together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from workers.ocr.engines.rapidocr.crops import HEIGHT, Crop
from workers.ocr.engines.rapidocr.decoding import Piece, decode
from workers.ocr.engines.rapidocr.models import Floats, Models

_STEP: Final = 64
"""Widths are rounded up to multiples of this: every shape is compiled once, and kept."""

_LEAST_WIDTH: Final = 128
_BATCH_WIDTH: Final = 1024
"""Pixels side by side in one batch: enough to keep the arithmetic busy, few enough to stay in the cache."""


def recognise(crops: Sequence[Crop], models: Models) -> list[list[Piece]]:
    """Read the lines; the answer has one list of pieces for each, in the same order."""
    lines: list[list[Piece]] = [[] for _ in crops]
    by_width: dict[int, list[int]] = {}
    for index, crop in enumerate(crops):
        by_width.setdefault(_bucket(crop.pixels.shape[1]), []).append(index)
    for width, members in sorted(by_width.items()):
        size = max(1, _BATCH_WIDTH // width)
        for start in range(0, len(members), size):
            some = members[start : start + size]
            found = models.recogniser(_batch([crops[index] for index in some], width))
            for index, probabilities in zip(some, found, strict=True):
                lines[index] = decode(probabilities, crops[index], models.characters)
    return lines


def _bucket(width: int) -> int:
    return max(_LEAST_WIDTH, -(-width // _STEP) * _STEP)


def _batch(crops: Sequence[Crop], width: int) -> Floats:
    """Stack the crops, grey as three colours, -1 to 1; what is left at the right is 0, as in training."""
    batch = np.zeros((len(crops), 3, HEIGHT, width), np.float32)
    for place, crop in zip(batch, crops, strict=True):
        place[:, :, : crop.pixels.shape[1]] = crop.pixels.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    return batch
