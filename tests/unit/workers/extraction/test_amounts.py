"""Amounts of money in a line of print."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.printed import page
from workers.extraction.amounts import amounts, decimal_mark, plain
from workers.extraction.rows import rows


def _values(line: str, mark: str = ".") -> list[str]:
    (row,) = rows([page(line)])
    return [plain(amount.value) for amount in amounts(row, mark) if amount.exact]


@pytest.mark.parametrize(
    ("line", "mark", "value"),
    [
        ("1.234,50", ",", "1234.50"),
        ("1,234.50", ".", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("1'234.50", ".", "1234.50"),
        ("1.234.567,89", ",", "1234567.89"),
        ("RM12.00", ".", "12.00"),
        ("€ 9,90", ",", "9.90"),
        ("9,90 EUR", ",", "9.90"),
        ("(30.00)", ".", "-30.00"),
        ("-30.00", ".", "-30.00"),
        ("- £30.00", ".", "-30.00"),
        ("6.40-", ".", "-6.40"),
        ("27.38T", ".", "27.38"),
        ("@13.69", ".", "13.69"),
        ("TOTAL57.80", ".", "57.80"),
    ],
)
def test_is_read_as_its_country_writes_it(line: str, mark: str, value: str) -> None:
    assert _values(line, mark) == [value]


@pytest.mark.parametrize(
    ("line", "value"), [("1O.5O", "10.50"), ("l2.00", "12.00"), ("RM2S.B0", "25.80"), ("5Z.00", "52.00")]
)
def test_letters_inside_a_number_are_the_digits_they_were_taken_for(line: str, value: str) -> None:
    assert _values(line) == [value]


@pytest.mark.parametrize(
    "line", ["12.01.18", "13:14", "6.00%", "1.25KG", "07-8263254", "SO.ON", "BOL.IS", "1.2.3.4", "48X230ML"]
)
def test_dates_times_rates_weights_and_words_are_none(line: str) -> None:
    assert _values(line) == []


def test_a_number_split_at_its_decimal_mark_is_one() -> None:
    assert _values("SR 6% 54. 56 3.27") == ["54.56", "3.27"]


def test_a_quantity_and_a_price_are_not_one_grouped_number() -> None:
    assert _values("2  100,00", ",") == ["100.00"]


def test_the_currency_beside_an_amount_is_its_own() -> None:
    (row,) = rows([page("3 RM 10.40")])
    assert [(amount.value, amount.currency) for amount in amounts(row, ".")] == [
        (Decimal(3), None),
        (Decimal("10.40"), "MYR"),
    ]


def test_most_numbers_show_the_decimal_mark() -> None:
    assert decimal_mark(rows([page("12,50", "3,99", "v2.60")])) == ","
    assert decimal_mark(rows([page("12.50", "3.99", "1,00")])) == "."
