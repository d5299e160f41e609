"""Fields on their way out, whoever found them: a value that is not what its field promises is left out.

The last gate before the database: nobody behind it looks at values again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from babel.numbers import is_currency
from stdnum import iban

from workers.extraction.values import Field, Invoice, LineItem

MOST_LINES: Final = 2000

_AMOUNT: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,8})?", re.ASCII)
_VAT_ID: Final = re.compile(r"[A-Z0-9][A-Z0-9.+*-]{3,29}", re.ASCII)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_LONGEST_TEXT: Final = 500
_EARLIEST, _LATEST = 1900, 2200

Check = Callable[[str], str | None]


def as_json(invoice: Invoice) -> dict[str, Any]:
    """Give the fields as the API shows them, each `{value, confidence, page, box, text}` or null."""
    return {
        **{name: _field(getattr(invoice, name), check) for name, check in _CHECKS.items()},
        "lines": [line for line in map(_line, invoice.lines[:MOST_LINES]) if any(line.values())],
    }


def _line(line: LineItem) -> dict[str, Any]:
    return {name: _field(getattr(line, name), check) for name, check in _LINE_CHECKS.items()}


def _field(field: Field | None, check: Check) -> dict[str, Any] | None:
    value = None if field is None else check(field.value)
    if field is None or value is None:
        return None
    placed = field.page is not None and field.page > 0 and field.box is not None
    return {
        "value": value,
        "confidence": _share(field.confidence),
        "page": field.page if placed else None,
        "box": list(field.box) if placed and field.box else None,
        "text": _line_of_text(field.text) or value,
    }


def _share(confidence: float) -> float:
    return round(min(max(confidence, 0.0), 1.0), 3) if math.isfinite(confidence) else 0.0


def _line_of_text(value: str) -> str | None:
    """Printable text in one line, of some length; None for none."""
    return " ".join(_UNPRINTABLE.sub(" ", value).split())[:_LONGEST_TEXT].strip() or None


def _amount(value: str) -> str | None:
    """A decimal string with two decimals at least; `-0.00` is none."""
    if not _AMOUNT.fullmatch(value):
        return None
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{number + 0:.{places}f}" if number else f"{0:.{places}f}"


def _quantity(value: str) -> str | None:
    return value if _AMOUNT.fullmatch(value) else None


def _date(value: str) -> str | None:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    return found.isoformat() if _EARLIEST <= found.year < _LATEST else None


def _currency(value: str) -> str | None:
    return value if is_currency(value) else None


def _iban(value: str) -> str | None:
    compact: str = iban.compact(value)
    return compact if iban.is_valid(compact, check_country=False) else None


def _vat_id(value: str) -> str | None:
    return value if _VAT_ID.fullmatch(value) else None


_CHECKS: Final[dict[str, Check]] = {
    "supplier": _line_of_text,
    "invoice_number": _line_of_text,
    "date": _date,
    "due_date": _date,
    "currency": _currency,
    "total": _amount,
    "tax": _amount,
    "subtotal": _amount,
    "address": _line_of_text,
    "iban": _iban,
    "vat_id": _vat_id,
}
_LINE_CHECKS: Final[dict[str, Check]] = {
    "description": _line_of_text,
    "quantity": _quantity,
    "unit_price": _amount,
    "amount": _amount,
}
