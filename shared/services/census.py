"""What stands where, once a minute: the numbers that fleets are scaled on and people are woken by.

The broker tells of messages and workers, the database of waiting times and dead letters. Each may be away: what the
other tells is told, and what cannot be told is missing. A zero instead would scale a fleet in, or end an alarm.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from shared import metrics
from shared.adapters.broker import Broker, FleetCount
from shared.contracts import FLEETS, queues_of
from shared.db.unit_of_work import Database
from shared.errors import BrokerUnavailable, DatabaseUnavailable, NotMigrated
from shared.metrics import Metric
from shared.models import EventRow, JobRow, JobStatus, OutboxRow, utcnow
from shared.services.dead_letters import count_dead_letters
from shared.services.doze import Doze

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """Metrics of one fleet, or of the whole stack where `fleet` is None; at least one."""

    values: Mapping[Metric, float]
    fleet: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the database tells, in seconds and numbers."""

    oldest_queued: Mapping[str, float]
    outbox_age: float
    dead_letters: int


class Census:
    """Counts.

    Args:
        database: asked unless it is known to be idle.
        broker: asked always.
        doze: knows whether the database is idle.
    """

    def __init__(self, database: Database, broker: Broker, doze: Doze) -> None:
        self._database = database
        self._broker = broker
        self._doze = doze

    def take(self) -> list[Reading]:
        """Return everything that can be told now; nothing where neither broker nor database answers."""
        counts = self._counts()
        waiting = self._waiting(busy=any(count.load for count in counts.values()))
        readings = [Reading(_of_fleet(fleet, counts.get(fleet), waiting), fleet) for fleet in FLEETS]
        if waiting is not None:
            stack = {metrics.OUTBOX_AGE_SECONDS: waiting.outbox_age, metrics.DEAD_LETTERS: waiting.dead_letters}
            readings.append(Reading(stack))
        return [reading for reading in readings if reading.values]

    def _counts(self) -> Mapping[str, FleetCount]:
        try:
            return self._broker.fleets()
        except BrokerUnavailable as error:
            log.warning("load and workers are not told: %s", error)
            return {}

    def _waiting(self, *, busy: bool) -> Waiting | None:
        # Where messages are under way workers keep the database awake: a look costs nothing and is the truth.
        idle = None if busy else self._doze.idle()
        if idle is not None:
            return Waiting(oldest_queued={}, outbox_age=0, dead_letters=idle.dead_letters)
        try:
            return self._ask()
        except DatabaseUnavailable as error:
            log.warning("waiting times and dead letters are not told: %s", error)
            return None

    def _ask(self) -> Waiting:
        try:
            with self._database.read() as session:
                return _look(session)
        except NotMigrated as error:
            if not self._database.is_new():
                raise
            # A stack that was deployed and not yet migrated: known, so nobody needs to be woken by missing numbers.
            log.warning("nothing waits yet: %s", error)
            return Waiting(oldest_queued={}, outbox_age=0, dead_letters=0)


def _of_fleet(fleet: str, count: FleetCount | None, waiting: Waiting | None) -> dict[Metric, float]:
    values: dict[Metric, float] = {}
    if count is not None:
        values[metrics.BACKLOG] = count.backlog
        values[metrics.IN_FLIGHT] = count.in_flight
        values[metrics.LOAD] = count.load
        values[metrics.WORKERS_ALIVE] = count.workers_alive
        values[metrics.UNATTENDED_LOAD] = 0 if count.workers_alive else count.load
    if waiting is not None:
        queues = queues_of(fleet)
        values[metrics.OLDEST_QUEUED_SECONDS] = max(waiting.oldest_queued.get(queue, 0) for queue in queues)
    return values


def _look(session: Session) -> Waiting:
    now = utcnow()
    # A job that was sent again because its message was lost has not become younger; one that failed waits anew.
    since = case((JobRow.attempt == 0, JobRow.created_at), else_=JobRow.queued_at)
    ready = (JobRow.finished_at.is_(None), JobRow.status == JobStatus.QUEUED, JobRow.queued_at <= now)
    queues = session.execute(select(JobRow.queue, func.min(since)).where(*ready).group_by(JobRow.queue)).all()
    messages = session.scalar(select(func.min(OutboxRow.available_at)).where(OutboxRow.available_at <= now))
    events = session.scalar(select(func.min(EventRow.occurred_at)).where(EventRow.published_at.is_(None)))
    due = min((since for since in (messages, events) if since is not None), default=None)
    return Waiting(
        oldest_queued={queue: _age(oldest, now) for queue, oldest in queues},
        outbox_age=0 if due is None else _age(due, now),
        dead_letters=count_dead_letters(session),
    )


def _age(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds(), 1)
