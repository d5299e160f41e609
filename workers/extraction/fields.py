"""The fields of an invoice or a receipt, from what was read on its pages.

Candidates for each field are found by pattern, checksum, place and the words beside them, and chosen together: sums
that must agree decide between amounts. Nothing but words goes in: no image, no model, no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workers.extraction import company, identifiers, issue, items
from workers.extraction.amounts import Amount, amounts, decimal_mark, plain
from workers.extraction.blocks import lines
from workers.extraction.currencies import NAMED, code_of
from workers.extraction.figures import figures
from workers.extraction.identifiers import Found
from workers.extraction.rows import Row, Span, rows
from workers.extraction.sums import choose
from workers.extraction.text import folded
from workers.extraction.values import Box, Field, Invoice, LineItem, PageWords

__all__ = ["Box", "Field", "Invoice", "LineItem", "PageWords", "extract"]


def extract(pages: Sequence[PageWords]) -> Invoice:
    """Find the fields of one invoice or receipt.

    Time is linear in the words of the pages.

    Args:
        pages: all of it, in order.
    """
    found = rows(pages)
    mark = decimal_mark(found)
    by_row = [amounts(row, mark) for row in found]
    marked = figures(found, by_row)
    sold = items.find(found, by_row, marked)
    sums = choose(marked, [item.amount.value for item in sold if item.amount])
    issued, due = issue.choose(found)
    in_columns = lines(found)
    seller = company.find(in_columns)
    customers = company.recipients(in_columns)
    return Invoice(
        supplier=_text(seller.name, [seller.name_span], seller.name_sure) if seller else None,
        invoice_number=_found(identifiers.invoice_number(in_columns)),
        date=_date(issued) if issued else None,
        due_date=_date(due) if due else None,
        currency=_currency(found, by_row, sums.total[0] if sums.total else None),
        total=_amount([sums.total[0]], sums.total[1]) if sums.total else None,
        tax=_amount(*sums.tax) if sums.tax else None,
        subtotal=_amount([sums.subtotal[0]], sums.subtotal[1]) if sums.subtotal else None,
        address=_address(seller) if seller else None,
        iban=_found(identifiers.iban(in_columns)),
        vat_id=_found(identifiers.vat_id(in_columns, customers)),
        lines=[_item(item) for item in sold],
    )


def _amount(printed: Sequence[Amount], sure: float) -> Field:
    """A field of one amount, or of several together."""
    value = sum((amount.value for amount in printed[1:]), printed[0].value)
    spans = [amount.span for amount in printed]
    read = min(span.confidence for span in spans)
    text = " + ".join(amount.printed for amount in printed)
    return Field(plain(value), round(sure * read, 3), spans[0].page, _around(spans), text)


def _around(spans: Sequence[Span]) -> Box:
    """Around those spans that are on the first one's page."""
    boxes = [span.box for span in spans if span.page == spans[0].page]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _text(value: str, spans: Sequence[Span], sure: float) -> Field:
    words = [word.confidence for span in spans for word in span.words]
    # A name is wrong when one word of it is.
    read = (min(words) + sum(words) / len(words)) / 2
    return Field(value, round(sure * read, 3), spans[0].page, _around(spans), " ".join(span.text for span in spans))


def _address(seller: company.Company) -> Field | None:
    if seller.address is None:
        return None
    return _text(seller.address, seller.address_spans, seller.address_sure)


def _found(number: Found | None) -> Field | None:
    return _text(number.value, [number.span], number.sure) if number else None


def _date(chosen: issue.Chosen) -> Field:
    printed = chosen.printed
    confidence = round(chosen.sure * printed.span.confidence, 3)
    return Field(chosen.value.isoformat(), confidence, printed.span.page, printed.span.box, printed.printed)


def _item(item: items.Item) -> LineItem:
    return LineItem(
        description=_text(item.description.text, [item.description], item.sure) if item.description else None,
        quantity=_quantity(item.quantity, item.sure) if item.quantity else None,
        unit_price=_amount([item.unit_price], item.sure) if item.unit_price else None,
        amount=_amount([item.amount], item.sure) if item.amount else None,
    )


def _quantity(amount: Amount, sure: float) -> Field:
    field = _amount([amount], sure)
    return Field(f"{amount.value.normalize():f}", field.confidence, field.page, field.box, field.text)


def _currency(found: Sequence[Row], by_row: Sequence[Sequence[Amount]], total: Amount | None) -> Field | None:
    """The currency most amounts are printed with, the total's counting more; else one that is named anywhere."""
    votes: Counter[str] = Counter()
    places: dict[str, Span] = {}
    if total and total.currency:
        votes[total.currency] += 5
        places[total.currency] = total.span
    for amount in (amount for of_row in by_row for amount in of_row if amount.currency):
        votes[str(amount.currency)] += 2
        places.setdefault(str(amount.currency), amount.span)
    for row in found:
        for match in NAMED.finditer(folded(row.text)):
            code = code_of(match[1])
            if code and match.end() <= len(row.text):
                votes[code] += 1
                places.setdefault(code, row.part(*match.span()))
    if not votes:
        return None
    (code, count), *others = votes.most_common(2)
    agreement = count / (count + sum(number for _, number in others))
    return _text(code, [places[code]], 0.95 * agreement if count > 1 else 0.7 * agreement)
