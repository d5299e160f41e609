"""The healer: publishes what a commit left behind, and takes up what a lost worker or a flushed broker left behind.

Every step may run at any time, twice, or beside itself: a message too many finds nothing to claim.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.orm import Session

from shared.config import Delivery
from shared.contracts import LIGHT_QUEUES, SendBulkEmail
from shared.db.unit_of_work import Database, as_message
from shared.errors import BrokerUnavailable, NotMigrated
from shared.models import EventRow, JobRow, JobStatus, OutboxRow, utcnow
from shared.services.doze import Doze
from shared.services.jobs import Jobs

log = logging.getLogger(__name__)

BATCH = 500
"""Rows in one transaction: SQLite has one writer, and others want their turn."""

UNDER_WAY = timedelta(seconds=2)
"""Younger outbox rows are being published by whoever wrote them."""

SECONDS = 30
"""After so long a run begins with no further batch; the next one goes on."""

LIGHT_GRACE = 120
"""Graces after which a message of the light lane is taken for lost: an hour, with the grace of half a minute."""

_LIGHT = JobRow.queue.in_(LIGHT_QUEUES)
_HEAVY = JobRow.queue.not_in(LIGHT_QUEUES)
_BULK = SendBulkEmail.queue
_CARRIED_APART = (_HEAVY, *(JobRow.queue == queue for queue in sorted(LIGHT_QUEUES, key=lambda name: name == _BULK)))
"""Whose messages are looked for apart: what one queue does not take must not fill the batch of another. Bulk mail
yields to all others."""


@dataclass(frozen=True, slots=True)
class Healed:
    """What one run did: messages and events published, jobs taken from lost workers, jobs whose message was lost."""

    published: int
    recovered: int
    resent: int


NOTHING = Healed(published=0, recovered=0, resent=0)


class Relay:
    """Runs every minute, and at the start of a local stack.

    Args:
        database: where the outbox is.
        jobs: the jobs' life.
        delivery: leases and grace.
        waiting: counts the messages in the broker's queues; raises BrokerUnavailable.
        doze: knows whether there can be anything to heal; without it the database is always looked at.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        delivery: Delivery,
        waiting: Callable[[], int],
        doze: Doze | None = None,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._grace = timedelta(seconds=delivery.relay_grace_seconds)
        self._waiting = waiting
        self._doze = doze

    def run(self) -> Healed:
        """Heal what can be healed now; nothing, without a look at the database, where it is known to be idle.

        Raises:
            DatabaseUnavailable: the database did not answer; the next run will.
            NotMigrated: its tables are older than this code; where there are none yet, there is nothing to heal.
        """
        if self._doze and self._doze.idle():
            return NOTHING
        try:
            healed = self._heal()
        except NotMigrated as error:
            if not self._database.is_new():
                raise
            log.warning("nothing to heal yet: %s", error)
            return NOTHING
        if healed != NOTHING:
            log.info("healed", extra=asdict(healed))
        elif self._doze:
            self._doze.leave_note()
        return healed

    def _heal(self) -> Healed:
        recovered = self._repeat(self._jobs.recover)
        resent = self._resend_lost() + self._resend_forgotten()
        return Healed(published=self._publish(), recovered=recovered, resent=resent)

    def _publish(self) -> int:
        """Publish a batch of each kind in turn, so that the backlog of one is in the way of no other.

        Each has its first turn; further ones begin within `SECONDS`.
        """
        deadline = time.monotonic() + SECONDS
        turns: deque[Callable[[], int]] = deque([self._publish_events])
        turns.extend(partial(self._publish_due, queues) for queues in _CARRIED_APART)
        first, total = len(turns), 0
        while turns and (first > 0 or time.monotonic() < deadline):
            publish = turns.popleft()
            published = publish()
            total, first = total + published, first - 1
            if published == BATCH:
                turns.append(publish)
        return total

    @staticmethod
    def _repeat(step: Callable[[int], int]) -> int:
        total = 0
        while count := step(BATCH):
            total += count
            if count < BATCH:
                break
        return total

    def _publish_events(self) -> int:
        query = (
            select(EventRow)
            .where(EventRow.published_at.is_(None), EventRow.occurred_at <= utcnow() - UNDER_WAY)
            .order_by(EventRow.occurred_at)
            .limit(BATCH)
        )
        with self._database.read() as session:
            events = session.scalars(query).all()
        return self._database.publish_events(events)

    def _publish_due(self, queues: ColumnElement[bool]) -> int:
        """Publish a batch of what is due of these queues."""
        query = (
            select(OutboxRow, JobRow)
            .join(JobRow, JobRow.id == OutboxRow.job_id)
            .where(queues, OutboxRow.available_at <= utcnow(), OutboxRow.created_at <= utcnow() - UNDER_WAY)
            .order_by(OutboxRow.available_at)
            .limit(BATCH)
        )
        with self._database.read() as session:
            messages = [as_message(outbox, job) for outbox, job in session.execute(query)]
        return self._database.publish(messages) if messages else 0

    def _resend_lost(self) -> int:
        """Send again what the broker forgot, which shows in two ways.

        More jobs are overdue than messages wait in its queues: then all overdue ones go again, for which of them lost
        theirs can't be known. Or a job was overtaken: queues are first in, first out, so where a later job of the same
        queue and priority is running, the message of an earlier one is gone. A message too many finds its job claimed.
        """
        overdue = and_(*_GIVEN, _HEAVY, JobRow.queued_at <= utcnow() - self._grace)
        try:
            # In this order: a job claimed in between makes the second number smaller, never the first.
            waiting = self._waiting()
        except BrokerUnavailable as error:
            log.warning("cannot tell whether messages were lost: %s", error)
            return 0
        with self._database.read() as session:
            flushed = (session.scalar(select(func.count()).select_from(JobRow).where(overdue)) or 0) > waiting
            lost = overdue if flushed else and_(overdue, self._overtaken(session))
        return self._repeat(lambda limit: self._resend(lost, limit))

    def _resend_forgotten(self) -> int:
        """Send light work again that has waited for far longer than a queue makes it wait.

        SQS loses nothing, but a queue can be purged, and keeps messages for days only.
        """
        overdue = and_(*_GIVEN, _LIGHT, JobRow.queued_at <= utcnow() - self._grace * LIGHT_GRACE)
        return self._repeat(lambda limit: self._resend(overdue, limit))

    def _overtaken(self, session: Session) -> ColumnElement[bool]:
        running = (JobRow.finished_at.is_(None), JobRow.status == JobStatus.RUNNING, _HEAVY)
        newest = (
            select(JobRow.queue, JobRow.priority, func.max(JobRow.queued_at))
            .where(*running)
            .group_by(JobRow.queue, JobRow.priority)
        )
        return or_(
            false(),
            *(
                and_(JobRow.queue == queue, JobRow.priority == priority, JobRow.queued_at < queued_at - self._grace)
                for queue, priority, queued_at in session.execute(newest)
            ),
        )

    def _resend(self, lost: ColumnElement[bool], limit: int) -> int:
        with self._database.write() as work:
            query = select(JobRow).where(lost).order_by(JobRow.queued_at).limit(limit)
            rows = work.session.scalars(query.with_for_update(skip_locked=True)).all()
            for row in rows:
                row.queued_at = utcnow()
                work.resend(row)
        return len(rows)


_GIVEN = (
    JobRow.finished_at.is_(None),
    JobRow.status == JobStatus.QUEUED,
    ~exists().where(OutboxRow.job_id == JobRow.id),
)
"""Jobs not begun whose message the broker has, or had."""
