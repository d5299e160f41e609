"""Dates in a line of print, and which of their numbers is the day."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from babel import Locale

from workers.extraction.rows import Row, Span
from workers.extraction.text import digits, folded

_LANGUAGES = (
    "en",
    "de",
    "fr",
    "es",
    "it",
    "nl",
    "pt",
    "ms",
    "id",
    "pl",
    "sv",
    "da",
    "nb",
    "fi",
    "cs",
    "ro",
    "hu",
    "tr",
)
# How receipts print months beside what locales say.
_MORE_MONTHS = {"SEPT": 9, "MRZ": 3, "MAERZ": 3, "OGO": 8, "OGOS": 8, "FEVR": 2, "AVRI": 4, "JUIL": 7, "MAC": 3}
_D = r"[\dOQIL|]"
_NUMERIC = re.compile(
    rf"(?<![\dA-Za-z.,/-])(?<!\d[.,/:-])({_D}{{1,2}})\s?([./\-])\s?({_D}{{1,2}})\s?\2\s?((?:19"
    rf"|[2Z][0O]){_D}{{2}}(?!:)|'?{_D}{{2}})"
    rf"(?=$|[^\w./,-]|[.,-](?!\d)|T?[0-2]?\d:\d\d|[A-Z]?$|[a-zA-Z]{{2}})"
)
_ISO = re.compile(
    r"(?<![\d.,/-])((?:19|20)\d\d)\s?([./\-年])\s?(\d{1,2})\s?[./\-月]\s?(\d{1,2})(?=$|[^\d./-]|[.](?!\d)|[0-2]\d:\d\d)"
)
_DAY_MONTH = re.compile(
    r"(?<![\w.,])(\d{1,2})(?:ST|ND|RD|TH|\.|º|ER)?[\s.\-/']{0,3}(?:DE\s|OF\s)?([A-Z]{3,12})[\s.,\-/']{0,3}(?:DE\s"
    r"|DEL\s)?"
    r"((?:19|20)\d\d|\d{2}(?!\d|[.,]\d))"
)
_MONTH_DAY = re.compile(
    r"(?<![A-Z])([A-Z]{3,12})\.?[\s\-]{0,2}(\d{1,2})(?:ST|ND|RD|TH)?[\s.,\-']{1,3}((?:19|20)\d\d|(?<=')\d\d)(?!\d)"
)
_EARLIEST, _LATEST = 1980, 2079
_TURN = 80
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class PrintedDate:
    """A date in print.

    Attributes:
        readings: the dates it can be, the likelier first; two where day and month can be exchanged.
        row: it stands in.
        start: where in the row's text it begins.
        end: where it ends.
        span: its words.
        order: `ymd`, `dmy` or `mdy` where it can be but one of them; `named` with the name of the month; else `?`.
    """

    readings: tuple[dt.date, ...]
    row: Row
    start: int
    end: int
    span: Span
    order: str

    @property
    def printed(self) -> str:
        """As printed."""
        return self.row.text[self.start : self.end].strip()


@cache
def _months() -> dict[str, int]:
    """Names of months, folded, in the languages of `_LANGUAGES`, whole and abbreviated."""
    found: dict[str, int] = {}
    for language in _LANGUAGES:
        months = Locale(language).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    found.setdefault(folded(name).strip(". "), number)
    return found | _MORE_MONTHS


def month(name: str) -> int | None:
    """The number of a month's name, or of the beginning of one."""
    name = folded(name).strip(". ")
    known = _months()
    return known.get(name) or (known.get(name[:3]) if len(name) > 3 and _begins(name) else None)  # noqa: PLR2004


@cache
def _begins(name: str) -> bool:
    return any(one.startswith(name) for one in _months())


def dates(rows: Iterable[Row]) -> list[PrintedDate]:
    """Return the dates of all rows, in order; each in all its readings."""
    return [date for row in rows if any(map(str.isdigit, row.text)) for date in _of_row(row)]


def _of_row(row: Row) -> Iterator[PrintedDate]:
    text = folded(row.text)
    if len(text) != len(row.text):
        text = row.text
    taken: list[tuple[int, int]] = []
    for pattern, read in ((_ISO, _iso), (_NUMERIC, _numeric), (_DAY_MONTH, _day_month), (_MONTH_DAY, _month_day)):
        for match in pattern.finditer(text):
            readings, order = read(match)
            start, end = match.span()
            if readings and all(end <= first or last <= start for first, last in taken):
                taken.append((start, end))
                yield PrintedDate(tuple(readings), row, start, end, row.part(start, end), order)


def _iso(match: re.Match[str]) -> tuple[Sequence[dt.date], str]:
    return _valid(match[1], match[3], match[4]), "ymd"


def _numeric(match: re.Match[str]) -> tuple[Sequence[dt.date], str]:
    first, second, year = digits(match[1]), digits(match[3]), digits(match[4].strip("'"))
    day_first, month_first = _valid(year, second, first), _valid(year, first, second)
    if match[2] == "." or (day_first and not month_first):
        return day_first, "dmy" if int(first) > _MONTHS else "?"
    if month_first and not day_first:
        return month_first, "mdy"
    if not day_first:
        return _valid(first, second, year), "ymd"  # 18/03/31
    return day_first if day_first == month_first else [*day_first, *month_first], "?"


def _day_month(match: re.Match[str]) -> tuple[Sequence[dt.date], str]:
    number = month(match[2])
    return (_valid(match[3], str(number), match[1]) if number else []), "named"


def _month_day(match: re.Match[str]) -> tuple[Sequence[dt.date], str]:
    number = month(match[1])
    return (_valid(match[3], str(number), match[2]) if number else []), "named"


def _valid(year: str, month: str, day: str) -> list[dt.date]:
    number = int(year)
    if len(year) <= 2:  # noqa: PLR2004 - without its century
        number += 2000 if number < _TURN else 1900
    if not _EARLIEST <= number <= _LATEST:
        return []
    try:
        return [dt.date(number, int(month), int(day))]
    except ValueError:
        return []


def month_first(found: Sequence[PrintedDate], *, american: bool) -> bool:
    """Tell whether dates of this document name the month first.

    Args:
        found: all its dates; those that can be read in one order only decide.
        american: whether else the document looks as if it were from where that is the custom.
    """
    votes = sum(date.order == "mdy" for date in found) - sum(date.order == "dmy" for date in found)
    return votes > 0 or (votes == 0 and american)


def resolved(date: PrintedDate, *, month_first: bool) -> dt.date:
    """The reading of a date in the document's order."""
    return date.readings[-1] if month_first else date.readings[0]
