"""Where a value that is known already stands in print."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from workers.extraction.amounts import amounts, decimal_mark
from workers.extraction.currencies import NAMED, code_of
from workers.extraction.dates import dates
from workers.extraction.rows import Row, Span, rows
from workers.extraction.text import folded
from workers.extraction.values import Box, PageWords
from workers.ocr.engine import Word

_MOST_WORDS = 40
"""Words one value may be printed in."""


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
        self._words = [(page, word, _bare(word.text)) for page, word in words]
        self._starts: dict[str, list[int]] = defaultdict(list)
        for index, (_, _, said) in enumerate(self._words):
            self._starts[said].append(index)

    def find(self, wanted: str) -> Place | None:
        """Find neighbours on one page that together say what is wanted."""
        starts = (start for end in range(1, len(wanted) + 1) for start in self._starts.get(wanted[:end], ()))
        ends = ((start, self._end(start, wanted)) for start in sorted(starts))
        start, end = next(((start, end) for start, end in ends if end is not None), (0, None))
        if end is None:
            return None
        span = Span(self._words[start][0], [word for _, word, _ in self._words[start:end]])
        return _place(span, span.text)

    def _end(self, start: int, wanted: str) -> int | None:
        """Where what is wanted ends if it begins here."""
        page, _, said = self._words[start]
        for end in range(start + 1, start + _MOST_WORDS):
            if said == wanted:
                return end
            if end == len(self._words) or self._words[end][0] != page or not wanted.startswith(said):
                return None
            said += self._words[end][2]
        return None


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
