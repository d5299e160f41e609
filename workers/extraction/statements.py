"""What an e-invoice states, in whichever syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{0,10})?|[+-]?\.\d{1,10}", re.ASCII)
_DEAREST: Final = Decimal(10) ** 15
"""As much as `_NUMBER` takes; more digits than a Decimal holds to six decimals are an error of its own."""

_COMPACT_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what was sold; `unit_price` is for one, whatever quantity the price was named for."""

    description: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """An invoice as its data states it; amounts with the signs they have there.

    Attributes:
        supplier: the seller's registered name (BT-27).
        number: of the invoice (BT-1).
        type_code: UNTDID 1001; 380 is an invoice, 381 a credit note (BT-3).
        issued: when (BT-2).
        due: when to pay (BT-9).
        currency: of all amounts here (BT-5).
        line_sum: of the lines (BT-106).
        allowances: on the document as a whole (BT-107).
        charges: likewise (BT-108).
        net: before taxes (BT-109).
        tax: all taxes (BT-110).
        gross: with taxes (BT-112).
        rounding: added to it (BT-114).
        payable: what is left to pay (BT-115).
        address: the seller's, in one line (BG-5).
        iban: to pay to (BT-84).
        vat_id: the seller's (BT-31).
        lines: what was sold (BG-25).
        nested: whether lines stand under others, whose amounts have theirs in them.
    """

    supplier: str | None = None
    number: str | None = None
    type_code: str | None = None
    issued: date | None = None
    due: date | None = None
    currency: str | None = None
    line_sum: Decimal | None = None
    allowances: Decimal | None = None
    charges: Decimal | None = None
    net: Decimal | None = None
    tax: Decimal | None = None
    gross: Decimal | None = None
    rounding: Decimal | None = None
    payable: Decimal | None = None
    address: str | None = None
    iban: str | None = None
    vat_id: str | None = None
    lines: list[Line] = field(default_factory=list)
    nested: bool = False


def number(text: str | None) -> Decimal | None:
    """Read an amount; None for none, and for what is none."""
    return Decimal(text) if text is not None and _NUMBER.fullmatch(text) else None


def day(text: str | None) -> date | None:
    """Read a date like `2026-11-24`, `2026-11-24Z` or `20261124`; None for none, and for what is none."""
    if text is None:
        return None
    compact = _COMPACT_DATE.match(text)
    try:
        return date(*map(int, compact.groups())) if compact else date.fromisoformat(text[:10])
    except ValueError:
        return None


def each(price: Decimal | None, quantity: Decimal | None) -> Decimal | None:
    """What one costs of which `quantity` cost `price`, to six decimals; None where that is no price of this world."""
    if price is None or not quantity or quantity == 1:
        return price
    one = price / quantity
    return one.quantize(Decimal("0.000001")).normalize() if abs(one) < _DEAREST else None


def in_one_line(*parts: str | None) -> str | None:
    """Join the parts that are there by spaces."""
    return " ".join(filter(None, parts)) or None
