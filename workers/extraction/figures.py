"""What each amount is, from the words before it, above it or at the head of its column, or from its neighbours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from workers.extraction.amounts import Amount
from workers.extraction.labels import ITEM_HEAD, Kind, kind_of
from workers.extraction.rows import Row
from workers.extraction.text import letters
from workers.extraction.values import Box

_RATE = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
_CENT = Decimal("0.02")
_NEXT_ROW = 2.6
_CODE_LETTERS = 2
_ROWS_ABOVE = 3
_TABLE = (Kind.SUBTOTAL, Kind.TAX, Kind.TOTAL)


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount and what it is said to be.

    Attributes:
        amount: where it stands and what it is worth.
        kind: None where nothing says.
        summary: whether it stands in a table of taxes by rate, whose totals are parts of the document's.
    """

    amount: Amount
    kind: Kind | None
    summary: bool = False


def figures(rows: Sequence[Row], amounts: Sequence[Sequence[Amount]]) -> list[Figure]:
    """Say of each amount what it is.

    Args:
        rows: of the document.
        amounts: of each of them.
    """
    found: list[Figure] = []
    columns: Sequence[tuple[Box, Kind]] = ()
    for index, row in enumerate(rows):
        prices = [amount for amount in amounts[index] if amount.exact]
        columns = _columns(row, prices, columns)
        if columns and len(prices) > 1:
            found.extend(Figure(amount, kind, summary=True) for amount, kind in _in_columns(prices, columns))
        else:
            found.extend(_of_row(rows, amounts, index))
    return found


def _columns(row: Row, prices: Sequence[Amount], before: Sequence[tuple[Box, Kind]]) -> Sequence[tuple[Box, Kind]]:
    """The columns of a table of taxes that begins, goes on or ends with this row."""
    if len(prices) > 1:
        taxed = _taxed(row, prices)
        return [(amount.box, kind) for amount, kind in taxed] or before
    if prices:
        return ()
    if len(row.cells) > 1 and not ITEM_HEAD.search(row.comparable):
        kinds = [(cell.box, kind_of(cell.text)) for cell in row.cells]
        if any(kind is Kind.TAX for _, kind in kinds[1:]):
            return [(box, Kind.SUBTOTAL if kind is Kind.WEAK else kind) for box, kind in kinds if kind]
    return before


def _taxed(row: Row, prices: Sequence[Amount]) -> list[tuple[Amount, Kind]]:
    """A net amount and the tax on it at a rate printed beside them, and their sum if it follows."""
    rates = [Decimal(rate.replace(",", ".")) / 100 for rate in _RATE.findall(row.text)]
    for first, second in pairwise(prices):
        if any(rate and abs(first.value * rate - second.value) <= _CENT for rate in rates):
            third = [one for one in prices if one.value == first.value + second.value][:1]
            return list(zip([first, second, *third], _TABLE, strict=False))
    return []


def _in_columns(prices: Sequence[Amount], columns: Sequence[tuple[Box, Kind]]) -> list[tuple[Amount, Kind | None]]:
    return [(amount, next((kind for box, kind in columns if _same_column(box, amount.box)), None)) for amount in prices]


def _of_row(rows: Sequence[Row], amounts: Sequence[Sequence[Amount]], index: int) -> list[Figure]:
    found = []
    end, kind = 0, None
    for amount in amounts[index]:
        label = rows[index].text[end : amount.start]
        own = _labelled(rows[index], label, amount)
        beside = letters(label) <= _CODE_LETTERS
        if own is None and beside:
            # What follows a count in its row is the sum beside it.
            own = Kind.TOTAL if kind is Kind.OTHER else kind
        kind, end = own, amount.end
        if own is None and beside:
            own = _above(rows, amounts, index, amount)
        found.append(Figure(amount, own))
    return found


def _labelled(row: Row, label: str, amount: Amount) -> Kind | None:
    """What the cell before an amount says of it, or all that stands before it since the last one."""
    cell = next((cell for cell in reversed(row.cells) if cell.box[0] < amount.box[0]), None)
    near = cell.text if cell and cell.text in label else label
    return kind_of(near) or kind_of(label)


def _above(rows: Sequence[Row], amounts: Sequence[Sequence[Amount]], index: int, amount: Amount) -> Kind | None:
    """What a row without prices right above says: a label whose amount slid down, or the head of a column."""
    for above in range(index - 1, max(-1, index - 1 - _ROWS_ABOVE), -1):
        row = rows[above]
        if row.page != amount.row.page or amount.box[1] - row.box[1] > _NEXT_ROW * (index - above) * row.size:
            return None
        if any(one.exact for one in amounts[above]) or ITEM_HEAD.search(row.comparable):
            continue
        head = next((cell for cell in row.cells if _same_column(cell.box, amount.box)), None)
        if head:
            return kind_of(head.text)
        if above == index - 1 and len(row.cells) == 1 and len(amounts[index]) == 1:
            return kind_of(row.text)
    return None


def _same_column(head: Box, cell: Box) -> bool:
    return head[0] < cell[2] and cell[0] < head[2]
