"""Budgets that many spend from at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shared.db.unit_of_work import Database
from shared.errors import SpendCapReached
from shared.models import Spend
from shared.services.budgets import Budget, micros_of, next_month

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def spent(database: Database, period: str) -> int:
    """What counts as spent."""
    with database.read() as session:
        row = session.get(Spend, period)
    return row.micros if row else 0


def test_ten_at_once_never_spend_more_than_there_is(database: Database) -> None:
    budget = Budget(database, "sms", micros_of(1.0))

    def spend(_: int) -> bool:
        try:
            budget.reserve(30_000, NOW)
        except SpendCapReached:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        reserved = sum(threads.map(spend, range(50)))
    # 33 of 0.03 dollars fit into one, however they came in between each other.
    assert reserved == 33
    assert spent(database, "sms:2026-11") == 990_000


def test_the_last_cent_can_be_spent(database: Database) -> None:
    budget = Budget(database, "sms", micros_of(0.00645))
    budget.reserve(micros_of(0.00645), NOW)
    with pytest.raises(SpendCapReached, match=r"0\.01 dollars for sms is used up"):
        budget.reserve(1, NOW)


def test_what_is_released_can_be_spent(database: Database) -> None:
    budget = Budget(database, "sms", 100)
    period = budget.reserve(100, NOW)
    budget.release(100, period)
    budget.check(100, NOW)
    assert budget.reserve(100, NOW) == "sms:2026-11"


def test_what_is_released_late_belongs_to_the_month_it_was_reserved_in(database: Database) -> None:
    budget = Budget(database, "sms", 100)
    december = NOW + timedelta(days=20)
    period = budget.reserve(60, NOW)
    budget.reserve(60, december)
    budget.release(60, period)
    assert (spent(database, "sms:2026-11"), spent(database, "sms:2026-12")) == (0, 60)


def test_every_month_has_its_own_and_things_do_not_share(database: Database) -> None:
    budget, other = Budget(database, "sms", 100), Budget(database, "fax", 100)
    budget.reserve(100, NOW)
    with pytest.raises(SpendCapReached) as reached:
        budget.check(1, NOW)
    assert NOW + timedelta(seconds=reached.value.retry_after) == datetime(2026, 12, 1, tzinfo=UTC)
    budget.check(100, datetime(2026, 12, 1, tzinfo=UTC))
    other.check(100, NOW)


def test_the_month_is_that_of_utc(database: Database) -> None:
    tokyo = datetime.fromisoformat("2026-12-01T05:00:00+09:00")
    assert Budget(database, "sms", 100).reserve(1, tokyo) == "sms:2026-11"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-12-31T23:59:59+00:00", "2027-01-01"),
        ("2028-02-29T00:00:00+00:00", "2028-03-01"),
        ("2026-01-31T12:00:00+00:00", "2026-02-01"),
        ("2026-12-01T05:00:00+09:00", "2026-12-01"),
    ],
)
def test_the_next_month_begins_at_its_first_midnight(now: str, then: str) -> None:
    assert next_month(datetime.fromisoformat(now)) == datetime.fromisoformat(then).replace(tzinfo=UTC)
