"""The values that go into the finding of fields and come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workers.ocr.engine import Word

Box = tuple[int, int, int, int]
"""`(x0, y0, x1, y1)` in pixels of the page as read, origin top left."""


@dataclass(frozen=True, slots=True)
class PageWords:
    """What was read on one page.

    Attributes:
        number: of the page, from 1.
        width: pixels of the page as read.
        height: pixels of the page as read.
        text: the words with their line and paragraph breaks.
        words: in reading order.
    """

    number: int
    width: int
    height: int
    text: str
    words: Sequence[Word]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing found.

    Attributes:
        value: in a form programs read: dates ISO 8601, amounts decimal strings (`1234.50`), currencies ISO 4217,
            identifiers without spaces, names as printed.
        confidence: 0-1; how sure it is that this is the field, and read rightly.
        page: where it stands, from 1; None for what attached data alone says.
        box: around everything printed of it; None likewise.
        text: as printed, or as the attached data says it.
    """

    value: str
    confidence: float
    page: int | None
    box: Box | None
    text: str


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of what was sold."""

    description: Field | None = None
    quantity: Field | None = None
    unit_price: Field | None = None
    amount: Field | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """The fields of an invoice or a receipt; None: not found.

    Attributes:
        supplier: who sold, as printed.
        invoice_number: of the invoice or receipt, as printed.
        date: when it was issued.
        due_date: when it is to be paid.
        currency: of the amounts.
        total: what is to be paid, taxes included and rounded; negative for a credit note that prints it so.
        tax: all taxes in it.
        subtotal: the total before taxes.
        address: the supplier's, its lines joined by a space.
        iban: of the account to pay to; its check digits are right.
        vat_id: the supplier's number at the tax office; its check digits are right where it has some.
        lines: what was sold.
    """

    supplier: Field | None = None
    invoice_number: Field | None = None
    date: Field | None = None
    due_date: Field | None = None
    currency: Field | None = None
    total: Field | None = None
    tax: Field | None = None
    subtotal: Field | None = None
    address: Field | None = None
    iban: Field | None = None
    vat_id: Field | None = None
    lines: list[LineItem] = field(default_factory=list)
