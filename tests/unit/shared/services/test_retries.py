"""The retry policy, row by row of its table."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import Delivery, LightDelivery
from shared.db.unit_of_work import MAX_COUNTDOWN
from shared.errors import (
    CircuitOpen,
    CorruptFile,
    DeliveryFailed,
    EngineFailed,
    MessageGaveUp,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    RateExceeded,
    Throttled,
    Transient,
    WorkerLost,
)
from shared.services.retries import JITTER, NO_CAP, Policy, Tried, counts, fails, is_ours, next_try, policy_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEAVY = policy_of("ocr", Delivery(), LightDelivery())
HEAVY_AND_PATIENT = policy_of("ocr", Delivery(max_attempts=NO_CAP + 1), LightDelivery())
LIGHT = policy_of("email", Delivery(), LightDelivery())
WEBHOOK = policy_of("webhook", Delivery(), LightDelivery())
HOUR = 3600.0
MOST_WAITS = 4 * HOUR


def wait(
    policy: Policy, error: Exception, attempt: int = 1, failing_for: float = 0, faults: int | None = None
) -> float | None:
    """Seconds until the next try, all attempts having failed alike unless said otherwise; None: given up."""
    if faults is None:
        faults = attempt if is_ours(error) else 0
    at = next_try(policy, error, Tried(attempt, faults), NOW - timedelta(seconds=failing_for), NOW)
    return None if at is None else (at - NOW).total_seconds()


@pytest.mark.parametrize(
    ("policy", "error", "attempt", "failing_for", "between"),
    [
        # Permanent
        (HEAVY, CorruptFile("no image"), 1, 0, None),
        (LIGHT, ProviderRefused("no"), 1, 0, None),
        (WEBHOOK, ProviderRefused("no"), 1, 0, None),
        # Transient
        (HEAVY, EngineFailed("died"), 1, 0, (5, 5)),
        (HEAVY, EngineFailed("died"), 2, 0, (10, 10)),
        (HEAVY, EngineFailed("died"), 3, 0, None),
        (LIGHT, ProviderUnavailable("away"), 1, 0, (10, 10)),
        (LIGHT, ProviderUnavailable("away"), 4, 0, (80, 80)),
        (LIGHT, ProviderUnavailable("away"), 10, 0, (5120, 5120)),
        (LIGHT, ProviderUnavailable("away"), 9, 5.9 * HOUR, None),
        (LIGHT, ProviderUnavailable("away"), 1, 6 * HOUR, None),
        (WEBHOOK, DeliveryFailed("away"), 40, 6 * HOUR, (MOST_WAITS * 0.6, MOST_WAITS)),
        (WEBHOOK, DeliveryFailed("away"), 40, 21.7 * HOUR, None),
        # Throttled, or any that says when
        (LIGHT, Throttled("slow", retry_after=120), 1, 0, (120, 150)),
        (LIGHT, Throttled("slow", retry_after=1), 5, 0, (160, 160)),
        (LIGHT, Throttled("slow"), 1, 0, (10, 10)),
        (LIGHT, DeliveryFailed("503", retry_after=90), 1, 0, (90, 112.5)),
        (LIGHT, Throttled("slow", retry_after=3 * HOUR), 1, 4 * HOUR, None),
        (HEAVY, Transient("busy", retry_after=60), 1, 0, (60, 75)),
        (HEAVY, Transient("busy", retry_after=60), 3, 0, None),
        # Rate: for ever
        (LIGHT, RateExceeded("full", retry_after=3), 1, 0, (3, 3.75)),
        (LIGHT, RateExceeded("full", retry_after=3), 999, 100 * HOUR, (3, 3.75)),
        # Circuit: within the window
        (LIGHT, CircuitOpen("open", retry_after=30), 999, 0, (30, 37.5)),
        (LIGHT, CircuitOpen("open", retry_after=30), 1, 6 * HOUR, None),
        # Lost
        (HEAVY, WorkerLost("gone"), 2, 0, (0, 0)),
        (HEAVY, WorkerLost("gone"), 3, 0, None),
        (LIGHT, WorkerLost("gone"), 4, 0, (0, 0)),
        (LIGHT, WorkerLost("gone"), 5, 0, None),
        # Unknown
        (LIGHT, OutcomeUnknown("perhaps"), 1, 0, None),
        # Ours
        (HEAVY, ZeroDivisionError(), 2, 0, (10, 10)),
        (HEAVY, ZeroDivisionError(), 3, 0, None),
        (LIGHT, ZeroDivisionError(), 4, 0, (80, 80)),
        (LIGHT, ZeroDivisionError(), 5, 0, None),
    ],
)
def test_each_failure_has_its_consequence(
    policy: Policy, error: Exception, attempt: int, failing_for: float, between: tuple[float, float] | None
) -> None:
    waits = [wait(policy, error, attempt, failing_for) for _ in range(50)]
    if between is None:
        assert set(waits) == {None}
        return
    least, most = between
    if least == most:
        least, most = least * (1 - JITTER), most * (1 + JITTER)
    assert all(one is not None and least <= one <= most for one in waits)


@pytest.mark.parametrize("error", [WorkerLost("gone"), MessageGaveUp("never begun"), ZeroDivisionError()])
def test_failures_of_others_leave_patience_with_our_own_faults(error: Exception) -> None:
    assert wait(LIGHT, error, attempt=9, faults=4) is not None
    assert wait(LIGHT, error, attempt=9, faults=5) is None


def test_what_failed_together_does_not_return_together() -> None:
    for error in (ProviderUnavailable("away"), Throttled("slow", retry_after=60), RateExceeded("full", retry_after=60)):
        assert len({wait(LIGHT, error) for _ in range(20)}) > 10
        assert len({wait(WEBHOOK, error, attempt=40) for _ in range(20)}) > 10
    for policy in (HEAVY_AND_PATIENT, WEBHOOK):
        assert len({wait(policy, Throttled("slow", retry_after=math.inf), attempt=40) for _ in range(20)}) > 10


@given(
    st.floats() | st.sampled_from([math.inf, math.nan, -math.inf, 1e300, -1.0]),
    st.integers(min_value=1, max_value=NO_CAP - 1),
    st.sampled_from([Throttled, RateExceeded, CircuitOpen, DeliveryFailed]),
)
def test_whatever_others_say_there_is_a_time_and_it_is_near(said: float, attempt: int, kind: type[Transient]) -> None:
    waits = wait(WEBHOOK, kind("later", retry_after=said), attempt)
    assert waits is not None
    assert 0 <= waits <= MOST_WAITS


@given(st.integers(min_value=1, max_value=NO_CAP - 1))
def test_a_countdown_of_heavy_work_is_never_longer_than_workers_hold(attempt: int) -> None:
    at = next_try(HEAVY_AND_PATIENT, EngineFailed("died"), Tried(attempt, faults=0), NOW, NOW)
    assert at is not None
    assert at - NOW <= MAX_COUNTDOWN


def test_mail_is_tried_for_hours_and_a_webhook_for_a_day() -> None:
    def tries(policy: Policy, error: Exception) -> float:
        waited, attempt = 0.0, 1
        while (pause := wait(policy, error, attempt, waited)) is not None:
            waited, attempt = waited + pause, attempt + 1
        return waited

    assert 2 * HOUR < tries(LIGHT, ProviderUnavailable("away")) <= 6 * HOUR
    assert 16 * HOUR < tries(WEBHOOK, DeliveryFailed("away")) <= 24 * HOUR


def test_what_was_not_tried_is_no_attempt_and_a_full_rate_no_failure() -> None:
    seen = [(counts(error), fails(error)) for error in (EngineFailed("x"), CircuitOpen("x"), RateExceeded("x"))]
    assert seen == [(True, True), (False, True), (False, False)]
