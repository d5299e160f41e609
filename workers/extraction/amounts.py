"""Amounts of money in a line of print: `1.234,50`, `1,234.50`, `1 234,50`, `1'234.50`, `RM12.00`, `-30.00`, `6.40-`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from workers.extraction.currencies import CURRENCY, code_of
from workers.extraction.rows import Row, Span
from workers.extraction.text import digits
from workers.extraction.values import Box

# Letters that stand for digits, where a word is nothing else but an amount and has a digit of its own.
_DOUBTFUL = re.compile(
    r"[^\w]{0,2}(?:RM|USD|EUR)?-?[\dOoQlI|SsBZ]{1,9}(?:[.,][\dOoQlI|SsBZ]{3}){0,2}[.,][\dOoQlI|SsBZ]{2}\W{0,2}"
)
_NUMBER = re.compile(
    r"""(?<![\d.,:/])(?<![A-Z0-9]-)
    (?:\d{1,3}(?:[.,'\u2019\u00a0\u202f ]\d{3}){1,4}(?:[.,]\d{1,2})?   # grouped
      |\d{1,9}[.,]\d{1,3}                                    # with decimals, or grouped once
      |\d{1,9})
    (?![\d%]|[.,:/]\d|\s?%|-\d)""",
    re.VERBOSE,
)
_BEFORE = re.compile(rf"[-\u2212\u2013(]?\s?(?P<currency>{CURRENCY})?\s?[.:]?[-\u2212\u2013(]?\s?$")
_AFTER = re.compile(rf"(?:\s?[-\u2212)](?!\w))?(?:\s?(?P<currency>{CURRENCY})(?![A-Za-z]|\s?\d))?-?")
_UNIT = re.compile(r"\s?(?:KGS?|GR?|ML|LTR|CM|MM|KM|KWH|HRS?|STD|PCS?|STK|M[²23])\b", re.IGNORECASE)
_EXACT = re.compile(r"[.,]\d{2}$")
_MINUS = "-\u2212\u2013"
_REACH = 8


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in print.

    Attributes:
        value: with its sign.
        row: it stands in.
        start: where in the row's text it begins, its sign and currency included.
        end: where it ends.
        span: its words.
        exact: whether it has two decimals, as prices mostly have.
        currency: of the sign or code beside it.
    """

    value: Decimal
    row: Row
    start: int
    end: int
    span: Span
    exact: bool
    currency: str | None

    @property
    def box(self) -> Box:
        """Around its words."""
        return self.span.box

    @property
    def printed(self) -> str:
        """As printed, with its sign and currency."""
        return self.row.text[self.start : self.end].strip()


def plain(value: Decimal) -> str:
    """The value as a string, with two decimals at least."""
    exponent = value.as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{value:.{places}f}"


def decimal_mark(rows: Iterable[Row]) -> str:
    """The sign before decimals on this document, `.` or `,`: most of the numbers that leave no doubt have it."""
    marks: Counter[str] = Counter()
    for row in rows:
        for match in re.finditer(r"\d([.,])\d{2}(?![\d.,])", row.text):
            marks[match[1]] += 1
    return "," if marks[","] > marks["."] else "."


def amounts(row: Row, mark: str) -> list[Amount]:
    """Return the amounts of a row, left to right.

    Args:
        row: of any length; time is linear in it.
        mark: the document's decimal mark, for numbers like `1.234` that alone could be either.
    """
    text = repaired(row)
    found = []
    for start, end in _numbers(text, row, mark):
        value = parsed(text[start:end], mark)
        if value is not None and not _UNIT.match(text, end):
            amount = _amount(row, text, start, end, value)
            if amount is not None:
                found.append(amount)
    return found


def repaired(row: Span) -> str:
    """The row's text, of the same length, with digits where letters can only be misread ones."""
    return " ".join(_repaired(word.text) for word in row.words)


def _repaired(word: str) -> str:
    if not any(map(str.isdigit, word)) or not _DOUBTFUL.fullmatch(word):
        return word
    head = re.match(r"[^\w]{0,2}(?:RM|USD|EUR)?", word)
    cut = head.end() if head else 0
    return word[:cut] + digits(word[cut:])


def _numbers(text: str, row: Row, mark: str) -> Iterator[tuple[int, int]]:
    """Yield where numbers stand; a space groups digits only where words are close and the decimal mark is a comma."""
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if " " in match[0] and (mark == "." or not _close(row.part(start, end))):
            yield from ((start + part.start(), start + part.end()) for part in re.finditer(r"[^ ]+", match[0]))
        else:
            yield start, end


def _close(span: Span) -> bool:
    """Whether words are no further apart than groups of digits are."""
    limit = 0.5 * span.size
    return all(right.box[0] - left.box[2] <= limit for left, right in pairwise(span.words))


def parsed(number: str, mark: str = ".") -> Decimal | None:
    """Read a number; None for what is none.

    Of two different signs the last is the decimal mark; one sign that repeats, or stands before exactly three digits
    and isn't the document's own mark, groups.
    """
    number = re.sub(r"['\u2019\s]", "", number)
    signs = re.findall(r"[.,]", number)
    decimal = ""
    if len(set(signs)) == 2:  # noqa: PLR2004 - a point and a comma
        decimal = signs[-1]
    elif len(signs) == 1:
        tail = number.rpartition(signs[0])[2]
        decimal = signs[0] if len(tail) != 3 or (signs[0] == mark and number[0] == "0") else ""  # noqa: PLR2004 - a group
    whole, _, rest = number.rpartition(decimal) if decimal else (number, "", "")
    whole = re.sub(r"[.,]", "", whole)
    if not (whole or "0").isascii() or not (whole + rest).isdecimal():
        return None
    return Decimal(f"{whole or 0}.{rest or 0}" if rest else whole)


def _amount(row: Row, text: str, start: int, end: int, value: Decimal) -> Amount | None:
    exact = bool(_EXACT.search(text[start:end]))
    before = _BEFORE.search(text[max(0, start - _REACH) : start])
    head = before[0].lstrip() if before else ""
    after = _AFTER.match(text, end)
    tail = after[0].rstrip() if after else ""
    if before is None or text[start - len(head) - 1 : start - len(head)].isalpha():
        # What is glued to letters is part of a code, or an amount whose space was lost.
        if text[start - 1 : start].isalpha() and not exact:
            return None
        before, head = None, ""
    in_brackets = head.startswith("(") and tail.startswith(")")
    minus = in_brackets or any(sign in head for sign in _MINUS) or any(sign in tail for sign in _MINUS)
    currency = (before and before["currency"]) or (after and after["currency"])
    first, last = start - len(head), end + len(tail)
    return Amount(-value if minus else value, row, first, last, row.part(first, last), exact, code_of(currency))
