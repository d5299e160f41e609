"""From the recogniser's probabilities to words: CTC's best path, and spaces the network saw but did not choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workers.ocr.engines.rapidocr.crops import Crop
from workers.ocr.engines.rapidocr.models import Floats

FRAME: Final = 8
"""Pixels of a line for each step of the network."""

_BLANK: Final = 0
_LIKELY_SPACE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Piece:
    """One word of a line: `start` and `end` are pixels of its crop."""

    text: str
    confidence: float
    start: float
    end: float


@dataclass(slots=True)
class _Letter:
    text: str
    probability: float
    first: int
    last: int


def decode(probabilities: Floats, crop: Crop, characters: Sequence[str]) -> list[Piece]:
    """Return the words of one line.

    Args:
        probabilities: `(steps, characters)`.
        crop: the line they are of; steps beyond its width are padding.
        characters: what the columns stand for.
    """
    steps = min(len(probabilities), -(-crop.pixels.shape[1] // FRAME) + 1)
    letters = _letters(probabilities[:steps], characters)
    spaces = probabilities[:steps, len(characters) - 1]
    pieces = []
    for word in _words(letters, spaces):
        start, end = word[0].first * FRAME, (word[-1].last + 1) * FRAME
        confidence = float(np.mean([letter.probability for letter in word]))
        pieces.append(Piece("".join(letter.text for letter in word), confidence, start, end))
    return pieces


def _letters(probabilities: Floats, characters: Sequence[str]) -> list[_Letter]:
    best = probabilities.argmax(axis=1)
    letters: list[_Letter] = []
    before = _BLANK
    for step, choice in enumerate(best.tolist()):
        sure = float(probabilities[step, choice])
        if choice == _BLANK:
            pass
        elif choice == before:
            letters[-1].last = step
            letters[-1].probability = max(letters[-1].probability, sure)
        else:
            letters.append(_Letter(characters[choice], sure, step, step))
        before = choice
    return letters


def _words(letters: list[_Letter], spaces: Floats) -> Iterator[list[_Letter]]:
    word: list[_Letter] = []
    for letter in letters:
        gap = word and spaces[word[-1].last : letter.first + 1].max(initial=0.0) >= _LIKELY_SPACE
        if word and (letter.text.isspace() or gap):
            yield word
            word = []
        if not letter.text.isspace():
            word.append(letter)
    if word:
        yield word
