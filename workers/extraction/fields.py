"""The fields of an invoice or a receipt, from what was read on its pages.

Candidates for each field are found by pattern, checksum, place and the words beside them, and chosen together: sums
that must agree decide between amounts. Nothing but words goes in: no image, no model, no file.
"""

from __future__ import annotations

from collections.abc import Sequence

from workers.extraction.amounts import Amount, amounts, decimal_mark, plain
from workers.extraction.blocks import lines
from workers.extraction.company import find as find_company
from workers.extraction.dates import PrintedDate, dates, month_first, resolved
from workers.extraction.rows import Span, rows
from workers.extraction.figures import figures
from workers.extraction.sums import choose
from workers.extraction.values import Box, Field, Invoice, LineItem, PageWords

__all__ = ["Box", "Field", "Invoice", "LineItem", "PageWords", "extract"]


def extract(pages: Sequence[PageWords]) -> Invoice:
    """Find the fields of one invoice or receipt.

    Args:
        pages: all of it, in order.
    """
    found = rows(pages)
    mark = decimal_mark(found)
    by_row = [amounts(row, mark) for row in found]
    sums = choose(figures(found, by_row))
    printed = dates(found)
    company = find_company(lines(found))
    return Invoice(
        supplier=company and _text(company.name, [company.name_span], company.name_sure),
        address=company and company.address and _text(company.address, company.address_spans, company.address_sure),
        total=sums.total and _amount([sums.total[0]], sums.total[1]),
        tax=sums.tax and _amount(*sums.tax),
        subtotal=sums.subtotal and _amount([sums.subtotal[0]], sums.subtotal[1]),
        date=_date(printed[0], month_first(printed, american=False)) if printed else None,
    )


def _amount(printed: Sequence[Amount], sure: float) -> Field:
    """A field of one amount, or of several together."""
    value = sum((amount.value for amount in printed[1:]), printed[0].value)
    boxes = [amount.box for amount in printed]
    box = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    read = min(amount.span.confidence for amount in printed)
    text = " + ".join(amount.printed for amount in printed)
    return Field(plain(value), round(sure * read, 3), printed[0].span.page, box, text)


def _date(date: PrintedDate, american: bool) -> Field:  # noqa: FBT001
    value = resolved(date, month_first=american).isoformat()
    return Field(value, round(0.8 * date.span.confidence, 3), date.span.page, date.span.box, date.printed)


def _text(value: str, spans: Sequence[Span], sure: float) -> Field:
    boxes = [span.box for span in spans]
    box = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    read = sum(span.confidence for span in spans) / len(spans)
    return Field(value, round(sure * read, 3), spans[0].page, box, " ".join(span.text for span in spans))
