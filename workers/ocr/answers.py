"""What an engine of another package says, as pages may be stored: a confidence from 0 to 1, boxes on the page."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

from workers.ocr.engine import PageImage, PageText, Word


def checked(found: PageText, page: PageImage) -> PageText:
    """Return what was read with every word where and as sure as it can be.

    Raises:
        TypeError, ValueError, AttributeError, OverflowError: it is no reading of a page.
    """
    if not isinstance(found, PageText) or not isinstance(found.text, str):
        message = f"{type(found).__name__} is no PageText"
        raise TypeError(message)
    return replace(found, words=[_checked(word, page) for word in found.words], micros=max(0, int(found.micros)))


def _checked(word: Word, page: PageImage) -> Word:
    if not isinstance(word.text, str):
        message = f"{type(word.text).__name__} is no text"
        raise TypeError(message)
    x0, y0, x1, y1 = (round(float(side)) for side in word.box)
    left, right = sorted(min(max(x, 0), page.width) for x in (x0, x1))
    top, bottom = sorted(min(max(y, 0), page.height) for y in (y0, y1))
    confidence = 0.0 if isnan(word.confidence) else min(max(float(word.confidence), 0.0), 1.0)
    return Word(word.text, confidence, (left, top, right, bottom))
