"""The lines of what was sold: rows with an amount between the table's head and the totals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from workers.extraction.amounts import Amount
from workers.extraction.figures import Figure
from workers.extraction.labels import ITEM_HEAD, Kind
from workers.extraction.rows import Row, Span
from workers.extraction.text import letters

_CENT = Decimal("0.011")
_MOST_ITEMS = 2000
_ENDS = frozenset({Kind.ROUNDED, Kind.GRAND, Kind.TOTAL, Kind.NET, Kind.SUBTOTAL, Kind.CASH, Kind.CHANGE, Kind.CARD})
_HEADS = 2
_TAIL = re.compile(r"[\s|:*#-]+$")


@dataclass(frozen=True, slots=True)
class Item:
    """A line of what was sold, with how sure it is, before the reader's own confidence."""

    description: Span | None
    quantity: Amount | None
    unit_price: Amount | None
    amount: Amount | None
    sure: float


def find(rows: Sequence[Row], amounts: Sequence[Sequence[Amount]], figures: Sequence[Figure]) -> list[Item]:
    """Return the lines between the head of the table and the totals.

    Args:
        rows: of the document.
        amounts: of each of them.
        figures: what the amounts are said to be.
    """
    kinds = {id(figure.amount): figure.kind for figure in figures}
    found: list[Item] = []
    # Where nothing is printed with decimals, whole numbers are prices.
    whole = not any(amount.exact for of_row in amounts for amount in of_row)
    started, before = False, None
    for row, of_row in zip(rows, amounts, strict=True):
        prices = of_row if whole else [amount for amount in of_row if amount.exact]
        if _is_head(row, prices):
            started, before = True, None
            continue
        if not started:
            continue
        if any(kinds.get(id(amount)) in _ENDS for amount in prices):
            started = False
        elif prices and kinds.get(id(prices[-1])) not in {Kind.ROUNDING, Kind.TAX, Kind.CHARGE}:
            found.append(_item(row, of_row, prices, before))
            before = None
        elif not prices and letters(row.text) > 2:  # noqa: PLR2004 - words
            before = row
        if len(found) == _MOST_ITEMS:
            break
    return found


def _is_head(row: Row, prices: Sequence[Amount]) -> bool:
    """Whether a row heads a table: two of the words such rows are made of, and no price."""
    return not prices and len(set(ITEM_HEAD.findall(row.comparable))) >= _HEADS


def _item(row: Row, amounts: Sequence[Amount], prices: Sequence[Amount], before: Row | None) -> Item:
    quantity, unit, amount = _product(amounts, prices)
    words = [word for word in row.words if word.box[2] <= _left_of(quantity, unit, amount, row)]
    own = Span(row.page, words) if words else None
    if own is None or letters(own.text) < 3:  # noqa: PLR2004 - a number alone: the row above says what it is
        own = before if before is not None and before.page == row.page else own
    sure = 0.9 if quantity and unit else 0.7
    return Item(own, quantity, unit, amount, sure if own else sure - 0.2)


def _left_of(quantity: Amount | None, unit: Amount | None, amount: Amount, row: Row) -> int:
    """Where the description ends: before the first of the numbers that follow words."""
    places = [one.box[0] for one in (quantity, unit, amount) if one]
    after_words = [x for x in places if any(letters(word.text) > 1 and word.box[2] <= x for word in row.words)]
    return min(after_words or places)


def _product(amounts: Sequence[Amount], prices: Sequence[Amount]) -> tuple[Amount | None, Amount | None, Amount]:
    """Quantity, price and amount: of all numbers those whose product is the last price, or the last but a tax."""
    for amount in reversed(prices[-4:]):
        before = [one for one in amounts[-12:] if one.start < amount.start]
        units = [one for one in prices[-6:] if one.start < amount.start]
        pairs = [(quantity, unit) for unit in units for quantity in before if _agree(quantity, unit, amount)]
        # Mostly the quantity comes first.
        pairs.sort(key=lambda pair: pair[0].start > pair[1].start)
        if pairs:
            return *pairs[0], amount
    return None, None, prices[-1]


def _agree(quantity: Amount, unit: Amount, amount: Amount) -> bool:
    if quantity is unit or quantity.currency or not quantity.value:
        return False
    return abs(quantity.value * unit.value - amount.value) <= _CENT
