"""Rows of a page: words at one height, whatever column they stand in, and the cells that gaps divide a row into.

An engine's own lines end where a gap is wide: `TOTAL` and its amount at the other edge of a receipt are two of them.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from workers.extraction.text import comparable
from workers.extraction.values import Box, PageWords
from workers.ocr.engine import Word

# No field's word is longer, and what a page says is bounded by what is read of each word.
_LONGEST_WORD = 80
_CELL_GAP = 1.3
_SAME_ROW = 0.55
_MOST_SKEW = 0.1
_NUMBER_GAP = 0.8
_OPEN_NUMBER = re.compile(r"(?:^|\D)\d{1,3}(?:[.,]\d{3})?[.,]$")
_DECIMALS = re.compile(r"\d\d(?!\d)")
_POINT_DECIMALS = re.compile(r"[.,]\d\d(?!\d)")


def _around(words: Iterable[Word]) -> Box:
    boxes = [word.box for word in words]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


class Span:
    """Words beside each other, and the text they make."""

    def __init__(self, page: int, words: Sequence[Word]) -> None:
        self.page = page
        self.words = words
        self._starts: list[int] = []
        position = 0
        for word in words:
            self._starts.append(position)
            position += len(word.text) + 1
        self.text = " ".join(word.text for word in words)

    @cached_property
    def box(self) -> Box:
        """Around all words."""
        return _around(self.words)

    @cached_property
    def comparable(self) -> str:
        """The text as words are looked for in it."""
        return comparable(self.text)

    @cached_property
    def size(self) -> float:
        """Pixels its letters are high: the middle one of the words' heights."""
        return float(statistics.median(word.box[3] - word.box[1] for word in self.words))

    @cached_property
    def confidence(self) -> float:
        """Mean of the words."""
        return statistics.fmean(word.confidence for word in self.words)

    def part(self, start: int, end: int) -> Span:
        """The words that the text from `start` to `end` touches; `end` is beyond `start`."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1)
        return Span(self.page, self.words[first:last])


class Row(Span):
    """Words at one height, left to right.

    Attributes:
        index: of the row in the document, from 0.
        y: of the middle of the row, in shares of the page's height.
        cells: the parts of the row that wide gaps divide.
    """

    def __init__(self, page: PageWords, index: int, words: Sequence[Word]) -> None:
        super().__init__(page.number, words)
        self.index = index
        self.page_width = page.width
        self.y = (self.box[1] + self.box[3]) / 2 / max(1, page.height)

    @cached_property
    def cells(self) -> list[Span]:
        """The parts of the row that wide gaps divide, left to right."""
        gap = _CELL_GAP * self.size
        parts: list[list[Word]] = []
        for word in self.words:
            if parts and word.box[0] - parts[-1][-1].box[2] <= gap:
                parts[-1].append(word)
            else:
                parts.append([word])
        return [Span(self.page, part) for part in parts]


@dataclass(slots=True)
class _Open:
    """A row under construction: its words, and where its last one lies."""

    words: list[Word]
    middle: float
    height: float


def rows(pages: Iterable[PageWords]) -> list[Row]:
    """Return the rows of all pages, top to bottom."""
    found: list[Row] = []
    for page in pages:
        found += [Row(page, index, words) for index, words in enumerate(_of_page(page), len(found))]
    return found


def _of_page(page: PageWords) -> list[list[Word]]:
    words = [word for word in map(_tidy, page.words) if word.text]
    slope = _slope(words)
    open_rows = _clustered(sorted(words, key=lambda word: word.box[0]), slope)
    open_rows.sort(key=lambda row: statistics.fmean(_middle(word, slope) for word in row.words))
    return [_whole_numbers(row.words) for row in open_rows]


def _whole_numbers(words: list[Word]) -> list[Word]:
    """Put together what an engine split at the decimal mark: `54.` and `56`."""
    found = words[:1]
    for word in words[1:]:
        last = found[-1]
        near = word.box[0] - last.box[2] <= _NUMBER_GAP * (word.box[3] - word.box[1])
        if near and (
            (_OPEN_NUMBER.search(last.text) and _DECIMALS.match(word.text))
            or (last.text[-1].isdigit() and _POINT_DECIMALS.match(word.text))
        ):
            found[-1] = Word(last.text + word.text, min(last.confidence, word.confidence), _around((last, word)))
        else:
            found.append(word)
    return found


def _tidy(word: Word) -> Word:
    """The word in plain forms of its characters (full-width ones are narrow), not too long, and of some height."""
    text = word.text[:_LONGEST_WORD]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    x0, y0, x1, y1 = word.box
    return Word("".join(text.split()), word.confidence, (x0, y0, x1, max(y1, y0 + 1)))


def _slope(words: Sequence[Word]) -> float:
    """How much a line falls to the right, in pixels per pixel, from neighbours in reading order."""
    slopes = []
    for left, right in pairwise(words):
        height = max(left.box[3] - left.box[1], right.box[3] - right.box[1])
        distance = (right.box[0] + right.box[2] - left.box[0] - left.box[2]) / 2
        rise = _middle(right, 0) - _middle(left, 0)
        if distance > 2 * height and right.box[0] - left.box[2] < 2 * height and abs(rise) < height / 2:
            slopes.append(rise / distance)
    if not slopes:
        return 0.0
    return max(-_MOST_SKEW, min(_MOST_SKEW, statistics.median(slopes)))


def _middle(word: Word, slope: float) -> float:
    x0, y0, x1, y1 = word.box
    return (y0 + y1) / 2 - slope * (x0 + x1) / 2


def _clustered(words: Sequence[Word], slope: float) -> list[_Open]:
    """Put each word, left to right, to the row whose last word lies nearest to its height."""
    if not words:
        return []
    step = max(1.0, statistics.median(word.box[3] - word.box[1] for word in words))
    found: list[_Open] = []
    by_height: dict[int, list[_Open]] = defaultdict(list)
    for word in words:
        middle, height = _middle(word, slope), word.box[3] - word.box[1]
        bucket = int(middle // step)
        near = [row for index in (bucket - 1, bucket, bucket + 1) for row in by_height[index]]
        best = min(near, key=lambda row: abs(row.middle - middle), default=None)
        if best is None or abs(best.middle - middle) > _SAME_ROW * min(best.height, height) + 1:
            best = _Open([], middle, height)
            found.append(best)
        else:
            by_height[int(best.middle // step)].remove(best)
        best.words.append(word)
        best.middle, best.height = middle, max(height, best.height * 0.8)
        by_height[bucket].append(best)
    return found
