"""The fields of an e-invoice, from the XML that its PDF carries; the words only tell where they stand in print.

A credit note's amounts are negative here, so that adding documents up is right: in the XML they are positive, and its
type code turns them round. The total is with taxes and rounding, and before what was paid in advance.

Sources: EN 16931-1 (what an invoice says, and the rules BR-CO-10, 13 and 15: which of its sums agree), in the syntaxes
of `cii` and `ubl`; UNTDID 1001 for the type codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from shared.errors import EInvoiceUnusable
from workers.extraction import cii, ubl
from workers.extraction.checked import MOST_LINES
from workers.extraction.printed import Place, Printed
from workers.extraction.statements import Line, Statement
from workers.extraction.trees import parse
from workers.extraction.values import Field, Invoice, LineItem, PageWords

_READERS: Final = {
    "CrossIndustryInvoice": cii.read,
    "CrossIndustryDocument": cii.read,
    "Invoice": ubl.read,
    "CreditNote": ubl.read,
}
_CREDIT_NOTES: Final = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
_TOLERANCE: Final = Decimal("0.02")
"""What sums may differ by: some programs round each tax, some their sum."""

_ZERO: Final = Decimal(0)
_SURE: Final = 1.0


class EInvoice:
    """Takes them from the document's own data.

    Args:
        xml: gives it; raises EInvoiceUnusable where it is not to be had.
    """

    name = "e_invoice"
    micros = 0

    def __init__(self, xml: Callable[[], bytes]) -> None:
        self._xml = xml

    def extract(self, pages: Sequence[PageWords]) -> Invoice:
        """Find the fields of one invoice.

        Raises:
            EInvoiceUnusable: the data is none, lacks what every invoice has, or contradicts itself.
        """
        return _invoice(statement(self._xml()), Printed(pages))


def statement(xml: bytes) -> Statement:
    """Read what an e-invoice states, with a credit note's amounts turned round.

    Raises:
        EInvoiceUnusable: it is none, lacks what every invoice has, or contradicts itself.
    """
    root = parse(xml)
    if root.name not in _READERS:
        raise EInvoiceUnusable(f"The XML that the PDF carries is no invoice but {root.name[:40]!r}.")
    stated = _READERS[root.name](root)
    _check_whole(stated)
    _check_sums(stated)
    return _turned(stated) if stated.type_code in _CREDIT_NOTES else stated


def _check_whole(stated: Statement) -> None:
    needed = {
        "number": stated.number,
        "date": stated.issued,
        "supplier": stated.supplier,
        "currency": stated.currency,
        "total": _total(stated),
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise EInvoiceUnusable(f"The XML that the PDF carries states no {', '.join(missing)}.")


def _check_sums(stated: Statement) -> None:
    """Refuse what adds up to something else than it says."""
    if stated.net is not None and stated.tax is not None and stated.gross is not None:
        _agree("net and tax", stated.net + stated.tax, "total", stated.gross)
    if stated.line_sum is not None and stated.net is not None:
        sum_ = stated.line_sum - (stated.allowances or _ZERO) + (stated.charges or _ZERO)
        _agree("lines, allowances and charges", sum_, "net", stated.net)
    amounts = [line.amount for line in stated.lines if line.amount is not None]
    if stated.line_sum is not None and amounts and len(amounts) == len(stated.lines) and not stated.nested:
        _agree("lines", sum(amounts, _ZERO), "sum of lines", stated.line_sum)


def _agree(parts: str, added: Decimal, what: str, said: Decimal) -> None:
    if abs(added - said) > _TOLERANCE:
        raise EInvoiceUnusable(
            f"The XML that the PDF carries contradicts itself: {parts} come to {added}, its {what} to {said}."
        )


def _total(stated: Statement) -> Decimal | None:
    return stated.payable if stated.gross is None else stated.gross + (stated.rounding or _ZERO)


def _turned(stated: Statement) -> Statement:
    """A credit note as what it is to the books; one that is negative already by mistake stays so."""
    if (_total(stated) or _ZERO) < 0:
        return stated
    return replace(
        stated,
        net=_negative(stated.net),
        tax=_negative(stated.tax),
        gross=_negative(stated.gross),
        rounding=_negative(stated.rounding),
        payable=_negative(stated.payable),
        lines=[replace(line, amount=_negative(line.amount)) for line in stated.lines],
    )


def _negative(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else -amount


def _invoice(stated: Statement, printed: Printed) -> Invoice:
    return Invoice(
        supplier=_text(stated.supplier, printed),
        invoice_number=_text(stated.number, printed),
        date=_date(stated.issued, printed),
        due_date=_date(stated.due, printed),
        currency=_text(stated.currency, printed),
        total=_amount(_total(stated), printed),
        tax=_amount(stated.tax, printed),
        subtotal=_amount(stated.net, printed),
        address=_text(stated.address, printed),
        iban=_text(stated.iban and stated.iban.replace(" ", ""), printed),
        vat_id=_text(stated.vat_id and stated.vat_id.replace(" ", "").upper(), printed),
        lines=list(_lines(stated.lines, printed)),
    )


def _lines(lines: Sequence[Line], printed: Printed) -> Iterator[LineItem]:
    for line in lines[:MOST_LINES]:
        yield LineItem(
            description=_text(line.description, printed),
            # A number alone stands on every page somewhere.
            quantity=None if line.quantity is None else _field(f"{line.quantity:f}", None),
            unit_price=_amount(line.unit_price, printed),
            amount=_amount(line.amount, printed),
        )


def _text(value: str | None, printed: Printed) -> Field | None:
    return None if value is None else _field(value, printed.text(value))


def _date(value: date | None, printed: Printed) -> Field | None:
    return None if value is None else _field(value.isoformat(), printed.date(value))


def _amount(value: Decimal | None, printed: Printed) -> Field | None:
    return None if value is None else _field(f"{value:f}", printed.amount(value) or printed.amount(-value))


def _field(value: str, place: Place | None) -> Field:
    if place is None:
        return Field(value, _SURE, None, None, value)
    return Field(value, _SURE, place.page, place.box, place.text)
