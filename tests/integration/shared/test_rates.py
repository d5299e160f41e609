"""Rates that concurrent functions hold together, on both databases."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from shared.db.unit_of_work import Database
from shared.errors import RateExceeded
from shared.models import Rate, utcnow
from shared.services.rates import Rates
from tests.support.waiting import at_once


@pytest.fixture
def rates(database: Database) -> Rates:
    return Rates(database)


def test_ten_at_once_leave_one_after_the_other(rates: Rates) -> None:
    left: list[float] = []

    def leave() -> None:
        for _ in range(3):
            rates.take("mail", 50, patience_seconds=30)
            left.append(time.monotonic())

    at_once([leave] * 10)
    # Any second, wherever it begins, has as many as may leave in it, and one: threads wake up a little late.
    left.sort()
    spread = left[-1] - left[0]
    assert spread >= 29 / 50 - 0.1
    for first in left:
        assert len([one for one in left if first <= one < first + 0.2]) <= 0.2 * 50 + 3


def test_a_slot_too_far_off_is_not_taken_and_says_when_one_may_be_free(database: Database, rates: Rates) -> None:
    for _ in range(3):
        rates.take("mail", 2, patience_seconds=2)
    with database.read() as session:
        before = session.get_one(Rate, "mail").free_at
    with pytest.raises(RateExceeded) as caught:
        rates.take("mail", 2, patience_seconds=0.1)
    assert 0.1 < caught.value.retry_after <= 0.5
    with database.read() as session:
        assert session.get_one(Rate, "mail").free_at == before


def test_what_was_not_used_is_not_saved_up(database: Database, rates: Rates) -> None:
    rates.take("mail", 10, 0)
    with database.write() as work:
        work.session.get_one(Rate, "mail").free_at = utcnow() - timedelta(hours=1)
    rates.take("mail", 10, 0)
    with pytest.raises(RateExceeded):
        rates.take("mail", 10, 0)


def test_rates_of_different_names_do_not_know_each_other(rates: Rates) -> None:
    rates.take("mail", 0.01, 0)
    rates.take("sms", 0.01, 0)


def test_a_rate_of_none_holds_nothing(database: Database, rates: Rates) -> None:
    for _ in range(100):
        rates.take("mail", 0, 0)
    with database.read() as session:
        assert session.get(Rate, "mail") is None
