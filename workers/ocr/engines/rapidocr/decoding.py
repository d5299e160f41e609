"""From the recogniser's probabilities to words: CTC's best path, and spaces the network saw but did not choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from workers.ocr.engines.rapidocr.crops import Crop
from workers.ocr.engines.rapidocr.models import Floats

FRAME: Final = 8
"""Pixels of a line for each step of the network."""

_BLANK: Final = 0
_LIKELY_SPACE: Final = 0.05
"""Between two letters the network is torn between a space and nothing; this much for a space means that it is one."""

_HINT_OF_POINT: Final = 0.001
"""A digit, a gap, and two last digits (`16 85`) are an amount if the network saw this much of a point: faint print
loses it first. The gap is at most `_POINT_ADVANCE` letters wide."""

_POINT_ADVANCE: Final = 2.5

_NARROW: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Marks as wide as an ideograph to the same of usual width: the network takes the wide bracket for the usual one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One word of a line; `left`, `top`, `right` and `bottom` are pixels of its crop."""

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(slots=True)
class _Letter:
    text: str
    probability: float
    first: int
    last: int

    @property
    def middle(self) -> float:
        """Where it stands, in pixels of the line: the network fires once, at about its middle."""
        return (self.first + self.last + 1) / 2 * FRAME


def decode(probabilities: Floats, crop: Crop, characters: Sequence[str]) -> list[Piece]:
    """Return the words of one line.

    Args:
        probabilities: `(steps, characters)`.
        crop: the line they are of; steps beyond its width are padding.
        characters: what the columns stand for.
    """
    steps = min(len(probabilities), -(-crop.pixels.shape[1] // FRAME) + 1)
    letters = _letters(probabilities[:steps], characters)
    if not any(_without_spaces(letter.text) for letter in letters):
        for letter in letters:
            letter.text = letter.text.translate(_NARROW)
    if not letters:
        return []
    line = _Line(letters, probabilities[:steps], crop, characters.index("."))
    return [line.piece(word) for word in line.words()]


def _letters(probabilities: Floats, characters: Sequence[str]) -> list[_Letter]:
    """The best path: the most probable at each step, repetitions and blanks removed."""
    best = probabilities.argmax(axis=1)
    sure = probabilities[np.arange(len(best)), best].tolist()
    letters: list[_Letter] = []
    before = _BLANK
    for step, choice in enumerate(best.tolist()):
        if choice != _BLANK and choice == before:
            letters[-1].last = step
            letters[-1].probability = max(letters[-1].probability, sure[step])
        elif choice != _BLANK:
            letters.append(_Letter(characters[choice], sure[step], step, step))
        before = choice
    return letters


class _Line:
    """Letters of a line, with what the network and the picture say about the room between them."""

    def __init__(self, letters: list[_Letter], probabilities: Floats, crop: Crop, point: int) -> None:
        self._letters = letters
        self._spaces = probabilities[:, -1]
        self._points = probabilities[:, point]
        self._crop = crop
        self._ink = crop.ink()
        middles = [letter.middle for letter in letters if not letter.text.isspace()]
        self._advance = float(np.median(np.diff(middles))) if len(middles) > 1 else crop.pixels.shape[0] / 2

    def words(self) -> Iterator[list[_Letter]]:
        """Yield the words."""
        word: list[_Letter] = []
        for index, letter in enumerate(self._letters):
            if letter.text.isspace():
                continue
            if word and self._apart(word[-1], letter):
                if point := self._lost_point(word[-1], index):
                    word.append(point)
                else:
                    yield word
                    word = []
            word.append(letter)
        if word:
            yield word

    def _lost_point(self, before: _Letter, index: int) -> _Letter | None:
        """Return the point between a digit and the two last of an amount, if the network saw a hint of one."""
        after = [letter.text.isdigit() for letter in self._letters[index : index + 3]]
        near = self._letters[index].middle - before.middle < _POINT_ADVANCE * self._advance
        if not (near and before.text.isdigit() and after in ([True, True], [True, True, False])):
            return None
        start, end = before.last, self._letters[index].first + 1
        step = start + int(self._points[start:end].argmax())
        hint = float(self._points[step])
        return _Letter(".", hint, step, step) if hint >= _HINT_OF_POINT else None

    def _apart(self, one: _Letter, other: _Letter) -> bool:
        """Tell whether there is a space between two letters."""
        if _without_spaces(one.text) and _without_spaces(other.text):
            return False
        return float(self._spaces[one.last : other.first + 1].max(initial=0.0)) >= _LIKELY_SPACE

    def piece(self, word: list[_Letter]) -> Piece:
        """Return a word with the box of its ink."""
        reach = self._advance * 0.75
        left = max(0.0, word[0].middle - reach)
        right = min(float(self._crop.pixels.shape[1]), word[-1].middle + reach)
        box = _tight(self._ink, left, right)
        confidence = float(np.mean([letter.probability for letter in word]))
        return Piece("".join(letter.text for letter in word), confidence, *box)


def _without_spaces(text: str) -> bool:
    """Tell whether this is a letter of a script that puts no spaces between words."""
    return "\u3040" <= text <= "\u30ff" or "\u3400" <= text <= "\u9fff"


def _tight(ink: Any, left: float, right: float) -> tuple[float, float, float, float]:
    """Draw a box in to the ink in it, but not far: a faint letter may have none."""
    part = ink[:, round(left) : max(round(left) + 1, round(right))]
    columns, rows = np.flatnonzero(part.any(axis=0)), np.flatnonzero(part.any(axis=1))
    height = len(ink)
    if len(columns) == 0:
        return left, 0.0, right, float(height)
    start, end = round(left) + int(columns[0]), round(left) + int(columns[-1]) + 1
    top, bottom = min(int(rows[0]), height // 4), max(int(rows[-1]) + 1, height - height // 4)
    return float(start), float(top), float(end), float(bottom)
