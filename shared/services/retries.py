"""What a failure means for a job: tried again, and when, or given up. The retry policy of both lanes, in one place.

| error | heavy lane | light lane |
|---|---|---|
| `Permanent`: trying again changes nothing | given up | given up, a dead letter at once |
| `Transient`: network, 5xx, a service away | backs off, `MAX_ATTEMPTS` times | backs off until its window has passed |
| `Throttled`, or any `Transient` that says when | the same, but not before it says | likewise |
| `RateExceeded`: as many leave as may | - | comes back when it says, for ever; counts as no attempt |
| `CircuitOpen`: the destination is left alone | - | comes back when it says, within the window; counts as no attempt |
| `WorkerLost`: the process died before it began | at once, `MAX_ATTEMPTS` times | at once, up to the fifth such fault |
| `MessageGaveUp`: it could not even begin, as without a database | - | likewise |
| `OutcomeUnknown`: it may have been done | - | given up: somebody must look |
| anything else: a mistake of ours | backs off, `MAX_ATTEMPTS` times | backs off, up to the fifth such fault |

The last kinds but `OutcomeUnknown` are faults of ours and counted apart: what failed often because others were away is
not given up by the first function that is lost.

A back-off doubles with every attempt up to a longest, and differs by up to a quarter either way, so that what failed
together does not return together, the longest included. Who says when they can be asked again is not asked before, but
after the longest back-off at the latest: a receiver that says a year has no year. The window begins with the first
failure, and what would be tried after its end is given up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.config import Delivery, LightDelivery
from shared.contracts import DeliverWebhook, lane_of
from shared.db.unit_of_work import MAX_COUNTDOWN
from shared.errors import CircuitOpen, OutcomeUnknown, Permanent, Postponed, Transient, WorkerLost

JITTER = 0.25
"""Of a back-off, either way."""

PATIENCE_WITH_OURSELVES = 5
"""Attempts of light work that fail by a mistake of ours, or take their process along."""

NO_CAP = 1_000_000
"""Where time, not a count, ends the attempts; a claim wants a number all the same."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a queue's jobs are tried again.

    Attributes:
        first: the first back-off.
        longest: no back-off is longer; of this it doubles up to as much as leaves room for the jitter.
        attempts: how many claims there may be.
        own_faults: how many of them may be faults of ours.
        window: how long after the first failure a job is still tried; None: attempts alone count.
    """

    first: timedelta
    longest: timedelta
    attempts: int
    own_faults: int
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """How often a job was tried, and how many of these failures were faults of ours."""

    attempts: int
    faults: int


def policy_of(queue: str, delivery: Delivery, light: LightDelivery) -> Policy:
    """The policy of a queue."""
    if lane_of(queue) == "heavy":
        attempts = delivery.max_attempts
        return Policy(timedelta(seconds=delivery.retry_seconds), MAX_COUNTDOWN, attempts, own_faults=attempts)
    of_webhook = queue == DeliverWebhook.queue
    return Policy(
        first=timedelta(seconds=light.light_retry_seconds),
        longest=timedelta(seconds=light.light_longest_retry_seconds),
        attempts=NO_CAP,
        own_faults=PATIENCE_WITH_OURSELVES,
        window=timedelta(seconds=light.webhook_window_seconds if of_webhook else light.message_window_seconds),
    )


def next_try(
    policy: Policy, error: Exception, tried: Tried, first_failed_at: datetime, now: datetime
) -> datetime | None:
    """When a job that failed is tried again; None: it is given up.

    Args:
        policy: of its queue.
        error: how it failed.
        tried: how often, this time included.
        first_failed_at: when the failures began.
        now: the time.
    """
    if isinstance(error, Postponed):
        at = now + _said(error.retry_after, policy)
        return at if not fails(error) or _in_time(policy, at, first_failed_at) else None
    if isinstance(error, Permanent | OutcomeUnknown) or tried.attempts >= policy.attempts:
        return None
    if is_ours(error) and tried.faults >= policy.own_faults:
        return None
    if isinstance(error, WorkerLost):
        return now
    at = now + _back_off(policy, error, tried.attempts)
    return at if _in_time(policy, at, first_failed_at) else None


def counts(error: Exception) -> bool:
    """Whether it was an attempt."""
    return not isinstance(error, Postponed)


def fails(error: Exception) -> bool:
    """Whether it is a failure, from which the window counts: a destination left alone fails, a full rate does not."""
    return counts(error) or isinstance(error, CircuitOpen)


def is_ours(error: Exception) -> bool:
    """Whether it is a fault of ours: a mistake, or a lost process, which may be its doing."""
    return isinstance(error, WorkerLost) or not isinstance(error, Transient | Permanent | OutcomeUnknown)


def _in_time(policy: Policy, at: datetime, first_failed_at: datetime) -> bool:
    return policy.window is None or at <= first_failed_at + policy.window


def _back_off(policy: Policy, error: Exception, attempt: int) -> timedelta:
    doubled = policy.first * float(2 ** min(attempt - 1, 30))
    # Of what is capped: what failed together would else return together from the longest back-off on.
    doubled = min(doubled, policy.longest / (1 + JITTER)) * _jitter()
    # Of the instance: what the class has is a hint for clients of the API.
    said = vars(error).get("retry_after") if isinstance(error, Transient) else None
    return doubled if said is None else max(doubled, _said(said, policy))


def _said(seconds: float, policy: Policy) -> timedelta:
    """What was asked for, a little later at most; others said it, so it may be anything, even no number."""
    longest = (policy.longest / (1 + JITTER)).total_seconds()
    bounded = min(max(seconds, 0.0), longest) if seconds == seconds else longest  # noqa: PLR0124  # NaN equals nothing
    return timedelta(seconds=bounded) * _jitter(later=True)


def _jitter(*, later: bool = False) -> float:
    return random.uniform(1 if later else 1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, guards nothing
