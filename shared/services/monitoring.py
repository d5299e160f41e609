"""What is going on, for who operates the service: one look at the broker, one at the database."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.adapters.broker import FleetCount
from shared.contracts import LIGHT_QUEUES
from shared.db.unit_of_work import Database
from shared.errors import BrokerUnavailable
from shared.models import Circuit, DeadLetter, EventRow, JobRow, JobStatus, MessageRow, OutboxRow, utcnow
from shared.services.circuits import Circuits, of_provider

log = logging.getLogger(__name__)

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class QueueCount:
    """Open jobs of a queue of the light lane; `oldest_seconds` is how long one has been due and not begun."""

    queued: int
    running: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """What has not left yet, retries that are not due included; `oldest_seconds` is of what is due."""

    messages: int
    events: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Stats:
    """Everything at once. `fleets` is None where the broker does not answer."""

    fleets: Mapping[str, FleetCount] | None
    light_lane: Mapping[str, QueueCount]
    outbox: OutboxCount
    dead_letters: Mapping[str, int]
    circuits: Sequence[Circuit]
    messages_24h: Mapping[str, Mapping[str, int]]
    taken_at: datetime


class Monitoring:
    """Looks. Everything asked of the database is answered from an index of what is open, or of the last day.

    Args:
        database: asked once.
        fleets: counts the messages and workers of the fleets; raises BrokerUnavailable.
        circuits: the breakers.
    """

    def __init__(self, database: Database, fleets: Callable[[], Mapping[str, FleetCount]], circuits: Circuits) -> None:
        self._database = database
        self._count_fleets = fleets
        self._circuits = circuits

    def stats(self) -> Stats:
        """Count.

        Raises:
            DatabaseUnavailable: the database did not answer.
        """
        now = utcnow()
        with self._database.read() as session:
            light, outbox = _light_lane(session, now), _outbox(session, now)
            letters, messages = _dead_letters(session), _messages(session, now)
        # The sort keeps the order of those alike: providers, which are everybody's trouble, before receivers.
        circuits = sorted(self._circuits.troubled(), key=lambda row: not row.name.startswith(of_provider("")))
        return Stats(self._fleets(), light, outbox, letters, circuits, messages, now)

    def _fleets(self) -> Mapping[str, FleetCount] | None:
        try:
            return self._count_fleets()
        except BrokerUnavailable as error:
            log.warning("fleets are not told: %s", error)
            return None


def _light_lane(session: Session, now: datetime) -> Mapping[str, QueueCount]:
    due = func.min(JobRow.queued_at).filter(JobRow.status == JobStatus.QUEUED, JobRow.queued_at <= now)
    query = (
        select(
            JobRow.queue,
            func.count().filter(JobRow.status == JobStatus.QUEUED),
            func.count().filter(JobRow.status == JobStatus.RUNNING),
            due,
        )
        .where(JobRow.finished_at.is_(None), JobRow.queue.in_(LIGHT_QUEUES))
        .group_by(JobRow.queue)
    )
    open_jobs = {
        queue: QueueCount(queued, running, _age(oldest, now))
        for queue, queued, running, oldest in session.execute(query)
    }
    return {queue: open_jobs.get(queue, QueueCount(0, 0, 0)) for queue in LIGHT_QUEUES}


def _outbox(session: Session, now: datetime) -> OutboxCount:
    due = func.min(OutboxRow.available_at).filter(OutboxRow.available_at <= now)
    messages, oldest = session.execute(select(func.count(), due).select_from(OutboxRow)).one()
    waiting = select(func.count(), func.min(EventRow.occurred_at)).where(EventRow.published_at.is_(None))
    events, oldest_event = session.execute(waiting).one()
    return OutboxCount(messages, events, max(_age(oldest, now), _age(oldest_event, now)))


def _dead_letters(session: Session) -> Mapping[str, int]:
    query = select(DeadLetter.lane, func.count()).where(DeadLetter.resolved_at.is_(None)).group_by(DeadLetter.lane)
    counts = Counter({"light": 0, "heavy": 0})
    counts.update({lane: count for lane, count in session.execute(query)})  # noqa: C416  # a row is typed no tuple
    return counts


def _messages(session: Session, now: datetime) -> Mapping[str, Mapping[str, int]]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    query = (
        select(MessageRow.kind, MessageRow.status, func.count())
        .where(MessageRow.created_at >= now - DAY)
        .group_by(MessageRow.kind, MessageRow.status)
    )
    for kind, status, count in session.execute(query):
        counts[kind][status] = count
    return counts


def _age(since: datetime | None, now: datetime) -> float:
    return 0 if since is None else round((now - since).total_seconds(), 1)
