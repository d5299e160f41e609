"""How often a receiver that does not answer is asked, over the day that a delivery is tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from shared.config import Delivery, LightDelivery
from shared.contracts import DeliverWebhook
from shared.errors import DeliveryFailed
from shared.services import retries

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)


def schedule() -> list[timedelta]:
    """When each attempt is made, counted from the first, where every one fails at once."""
    policy = retries.policy_of(DeliverWebhook.queue, Delivery(), LightDelivery())
    at, times = BEGIN, [BEGIN]
    while (
        again := retries.next_try(policy, DeliveryFailed("No."), retries.Tried(len(times), faults=0), BEGIN, at)
    ) is not None:
        at = again
        times.append(at)
    return [time - BEGIN for time in times]


def test_a_day_has_some_sixteen_attempts_soon_at_first_and_hours_apart_at_last() -> None:
    for _ in range(200):
        times = schedule()
        assert 15 <= len(times) <= 19, times
        # The first quarter of an hour, in which most receivers are back: six or seven.
        assert 6 <= sum(time < timedelta(minutes=15) for time in times) <= 8
        gaps = [after - before for before, after in pairwise(times)]
        assert timedelta(seconds=7) < gaps[0] < timedelta(seconds=13)
        assert max(gaps) <= timedelta(hours=4)
        # It is not given up long before its day is over, and never after it.
        assert timedelta(hours=20) < times[-1] <= timedelta(hours=24)


def test_attempts_that_began_together_do_not_stay_together() -> None:
    assert len({schedule()[1] for _ in range(50)}) == 50
