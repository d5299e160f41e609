"""Where a value that is known already stands in print."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from workers.extraction.amounts import amounts, decimal_mark
from workers.extraction.currencies import NAMED, code_of
from workers.extraction.dates import dates
from workers.extraction.rows import Row, Span, rows
from workers.extraction.text import folded
from workers.extraction.values import Box, PageWords
from workers.ocr.engine import Word

_MOST_WORDS = 40
"""Words one value may be printed in."""

_MOST_VAIN = 100_000
"""Places that are looked at in vain, for all values together: pages that say the same all over have no end of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: its page, a box around it, what is printed there, how surely that was read (0-1)."""

    page: int
    box: Box
    text: str
    confidence: float


class Printed:
    """What is printed on some pages, to look values up in. The first place counts where there are several.

    Attributes:
        rows: what stands at one height, top to bottom.
    """

    def __init__(self, pages: Sequence[PageWords]) -> None:
        self.rows = rows(pages)
        mark = decimal_mark(self.rows)
        self._amounts: dict[Decimal, list[Place]] = defaultdict(list)
        self._dates: dict[dt.date, list[Place]] = defaultdict(list)
        self._currencies: dict[str, list[Place]] = defaultdict(list)
        for row in self.rows:
            for amount in amounts(row, mark):
                self._amounts[amount.value].append(_place(amount.span, amount.printed))
            for code, place in _currencies(row):
                self._currencies[code].append(place)
        for printed in dates(self.rows):
            for reading in printed.readings:
                self._dates[reading].append(_place(printed.span, printed.printed))
        self._in_rows = _Order((row.page, word) for row in self.rows for word in row.words)
        self._as_read = _Order((page.number, word) for page in pages for word in page.words)

    def amount(self, value: Decimal) -> Place | None:
        """Find an amount, printed with this very sign."""
        return next(iter(self._amounts.get(value, ())), None)

    def date(self, value: dt.date) -> Place | None:
        """Find a date, however it is printed."""
        return next(iter(self._dates.get(value, ())), None)

    def currency(self, code: str) -> Place | None:
        """Find a currency, by its code or its sign."""
        return next(iter(self._currencies.get(code, ())), None)

    def text(self, value: str) -> Place | None:
        """Find text, whatever its case, spaces and punctuation, in one row or in reading order."""
        wanted = _bare(value)
        if not wanted:
            return None
        return self._in_rows.find(wanted) or self._as_read.find(wanted)


class _Order:
    """Words in one order, indexed by what they say."""

    def __init__(self, words: Iterable[tuple[int, Word]]) -> None:
        self._pages = [_Said(page, [word for _, word in said]) for page, said in groupby(words, key=itemgetter(0))]
        self._vain = 0

    def find(self, wanted: str) -> Place | None:
        """Find neighbours on one page that together say what is wanted."""
        for page in self._pages:
            for place in page.places(wanted):
                if place is not None:
                    return place
                self._vain += 1
                if self._vain > _MOST_VAIN:
                    return None
        return None


class _Said:
    """What the words of a page say as one string, in which Python looks faster than from word to word."""

    def __init__(self, page: int, words: Sequence[Word]) -> None:
        self._page = page
        self._words = words
        # Where words begin in the string and which these are, and which ends where; what says nothing has no place.
        self._begins: list[int] = []
        self._indices: list[int] = []
        self._ends: dict[int, int] = {}
        parts, length = [], 0
        for index, said in enumerate(_bare(word.text) for word in words):
            if said:
                self._begins.append(length)
                self._indices.append(index)
                length += len(said)
                self._ends[length] = index + 1
                parts.append(said)
        self._string = "".join(parts)

    def places(self, wanted: str) -> Iterator[Place | None]:
        """Yield where neighbours together say what is wanted; None for what says it across the bounds of words."""
        at = self._string.find(wanted)
        while at >= 0:
            nth = bisect_left(self._begins, at)
            begins = nth < len(self._begins) and self._begins[nth] == at
            end = self._ends.get(at + len(wanted)) if begins else None
            if end is None or end - self._indices[nth] >= _MOST_WORDS:
                yield None
            else:
                span = Span(self._page, self._words[self._indices[nth] : end])
                yield _place(span, span.text)
            at = self._string.find(wanted, at + 1)


def _currencies(row: Row) -> Iterator[tuple[str, Place]]:
    for named in NAMED.finditer(folded(row.text)):
        code = code_of(named[1])
        if code is not None:
            yield code, _place(row.part(*named.span()), row.text[slice(*named.span())])


def _place(span: Span, text: str) -> Place:
    return Place(span.page, span.box, text, span.confidence)


def _bare(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return "".join(filter(str.isalnum, text.casefold()))
