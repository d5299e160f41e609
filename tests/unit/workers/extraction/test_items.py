"""The lines of what was sold."""

from __future__ import annotations

from tests.support.printed import page
from workers.extraction.fields import LineItem, extract


def _texts(item: LineItem) -> tuple[str | None, ...]:
    parts = (item.description, item.quantity, item.unit_price, item.amount)
    return tuple(part.value if part else None for part in parts)


def test_quantity_and_price_are_those_whose_product_is_the_amount() -> None:
    found = extract([page("Description  Qty  Price  Amount", "Torque wrench  3  120.00  360.00", "Total  360.00")])
    assert [_texts(item) for item in found.lines] == [("Torque wrench", "3", "120.00", "360.00")]


def test_a_row_of_numbers_is_described_by_the_row_above() -> None:
    found = extract([page("Item  Qty  Price  Total", "Plastic spoons", "3 x 5.90  17.70", "Total  17.70")])
    assert [_texts(item) for item in found.lines] == [("Plastic spoons", "3", "5.90", "17.70")]


def test_the_lines_go_on_over_pages() -> None:
    first = page("Description  Qty  Price  Amount", "Bread  1  3.00  3.00", number=1)
    second = page("Description  Qty  Price  Amount", "Milk  2  4.00  8.00", "Total  11.00", number=2)
    found = extract([first, second])
    assert [(item.amount.value, item.amount.page) for item in found.lines if item.amount] == [("3.00", 1), ("8.00", 2)]


def test_lines_that_make_the_total_decide_for_it() -> None:
    found = extract([page("Item  Qty  Amount", "Bread  1  3.00", "Milk  1  4.00", "Total  7.00", "Total  9.00")])
    assert found.total is not None
    assert found.total.value == "7.00"


def test_totals_and_payments_are_no_lines() -> None:
    found = extract([page("Item  Qty  Amount", "Bread  1  3.00", "Total  3.00", "Cash  5.00", "Change  2.00")])
    assert len(found.lines) == 1
