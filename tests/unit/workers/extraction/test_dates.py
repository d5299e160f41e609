"""Dates in print: what they say, and which number is the day."""

from __future__ import annotations

import pytest

from tests.support.printed import page
from workers.extraction import issue
from workers.extraction.rows import rows


def _issued(*lines: str) -> str | None:
    chosen, _ = issue.choose(rows([page(*lines)]))
    return chosen.value.isoformat() if chosen else None


def _due(*lines: str) -> str | None:
    _, chosen = issue.choose(rows([page(*lines)]))
    return chosen.value.isoformat() if chosen else None


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("25/01/2018", "2018-01-25"),
        ("25/01/20181:22:56PM", "2018-01-25"),
        ("15/12/201610:22", "2016-12-15"),
        ("12/01/1816:52", "2018-01-12"),
        ("16-03-18", "2018-03-16"),
        ("6/2/2017", "2017-02-06"),
        ("03.02.2025", "2025-02-03"),
        ("2025-02-03T10:15:00", "2025-02-03"),
        ("2O/O4/2Ol8", "2018-04-20"),
        ("05-JAN-2017", "2017-01-05"),
        ("16 Apr 2018", "2018-04-16"),
        ("January 5, 2017", "2017-01-05"),
        ("5th March 2017", "2017-03-05"),
        ("3. März 2025", "2025-03-03"),
        ("7 février 2025", "2025-02-07"),
        ("9 de mayo de 2025", "2025-05-09"),
        ("4 giugno 2025", "2025-06-04"),
        ("1 mei 2025", "2025-05-01"),
        ("8 de junho de 2025", "2025-06-08"),
        ("31 Ogos 2025", "2025-08-31"),
        ("INV NO/DATE:15403-119366(29/07/2016)", "2016-07-29"),
    ],
)
def test_is_read_in_many_forms(line: str, date: str) -> None:
    assert _issued(line) == date


@pytest.mark.parametrize("line", ["31/02/2018", "99/99/9999", "1.2.3.4", "03-9201 6281/6920", "12:30:45", "7/118B"])
def test_what_is_no_day_is_none(line: str) -> None:
    assert _issued(line) is None


def test_another_date_shows_that_the_month_comes_first() -> None:
    assert _issued("Date 03/04/2025", "Period 03/25/2025") == "2025-03-04"


def test_a_zip_code_and_sales_tax_show_it_too() -> None:
    assert _issued("Portland, OR 97205", "Sales Tax 8.5%", "Date 03/04/2025") == "2025-03-04"


def test_else_the_day_comes_first() -> None:
    assert _issued("Date 03/04/2025", "GST 6%") == "2025-04-03"


def test_the_day_of_issue_is_what_its_label_says() -> None:
    assert _issued("Delivery date 01/03/2025", "Invoice date 05/03/2025", "Order date 20/02/2025") == "2025-03-05"


def test_a_time_beside_it_speaks_for_a_receipts_date() -> None:
    assert _issued("Valid until 31/12/2026", "05/03/2025 12:31", "Member since 01/01/2001") == "2025-03-05"


@pytest.mark.parametrize(
    "label", ["Due date", "Fällig am", "Zahlbar bis", "Échéance", "Vencimiento", "Scadenza", "Vervaldatum"]
)
def test_the_day_of_payment_is_what_its_label_says(label: str) -> None:
    lines = ("Date 05/03/2025", f"{label}  04/04/2025")
    assert (_issued(*lines), _due(*lines)) == ("2025-03-05", "2025-04-04")


def test_no_payment_is_due_before_the_issue() -> None:
    assert _due("Date 05/03/2025", "Due date 04/02/2025") is None
