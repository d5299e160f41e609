"""What becomes of the recogniser's probabilities: words, lost spaces, lost points."""

from __future__ import annotations

import numpy as np
import pytest

from workers.ocr.engines.rapidocr.crops import HEIGHT, Crop
from workers.ocr.engines.rapidocr.decoding import FRAME, Piece, decode
from workers.ocr.engines.rapidocr.models import Floats

CHARACTERS = ("", *"ABC0123456789.\uff08", " ")
Steps = list[dict[str, float]]


def letters(text: str) -> Steps:
    """A step for each letter, a blank one after it."""
    return [step for letter in text for step in ({letter: 0.9}, {"": 0.9})]


def pieces(steps: Steps) -> list[Piece]:
    probabilities: Floats = np.zeros((len(steps), len(CHARACTERS)), np.float32)
    for row, step in zip(probabilities, steps, strict=True):
        for character, probability in step.items():
            row[CHARACTERS.index(character)] = probability
    width = len(steps) * FRAME
    corners = np.array([[0, 0], [width, 0], [width, HEIGHT], [0, HEIGHT]], np.float32)
    return decode(probabilities, Crop(corners, np.full((HEIGHT, width), 255, np.uint8)), CHARACTERS)


def texts(steps: Steps) -> list[str]:
    return [piece.text for piece in pieces(steps)]


@pytest.mark.parametrize(("hint", "expected"), [(0.3, ["AB", "CA"]), (0.01, ["ABCA"])])
def test_a_space_the_network_nearly_chose_parts_words(hint: float, expected: list[str]) -> None:
    assert texts([*letters("AB"), {"": 0.6, " ": hint}, *letters("CA")]) == expected


def test_letters_are_doubled_only_across_a_blank() -> None:
    assert texts([{"A": 0.9}, {"A": 0.8}, {"": 0.9}, {"A": 0.7}]) == ["AA"]


@pytest.mark.parametrize(
    ("after", "hint", "expected"),
    [("85", 0.01, ["16.85"]), ("85", 0.0, ["16", "85"]), ("850", 0.01, ["16", "850"]), ("8", 0.01, ["16", "8"])],
)
def test_a_faint_point_joins_the_cents_to_an_amount(after: str, hint: float, expected: list[str]) -> None:
    assert texts([*letters("16"), {" ": 0.6, ".": hint}, *letters(after)]) == expected


def test_wide_marks_become_usual_ones_among_latin_letters() -> None:
    assert texts(letters("\uff08A")) == ["(A"]


def test_confidence_is_the_mean_of_the_letters() -> None:
    assert [piece.confidence for piece in pieces([{"A": 0.9}, {"": 1.0}, {"B": 0.5}])] == [pytest.approx(0.7)]
