"""What is over long ago goes: once a day, in short transactions, some rows at a time.

What is open stays, however old: messages and deliveries under way, dead letters that nobody settled, and the job, the
message, the delivery or the event that an open dead letter is about. Documents stay, and their jobs with them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from shared.contracts import DeliverWebhook, Notify, QuoteDocument, SendBulkEmail, SendEmail, SendSms
from shared.db.unit_of_work import Database
from shared.models import (
    Base,
    Circuit,
    DeadLetter,
    Delivery,
    EventRow,
    IdempotencyRow,
    JobRow,
    MessageRow,
    Quote,
    Rate,
    Spend,
)
from shared.services.budgets import PAID_ONCE
from shared.values import MessageKind, MessageStatus

BATCH = 1000
"""Rows in memory, and in one transaction."""

SECONDS = 240
"""After so long a run begins with no further batch; the next day's goes on."""

DAY = timedelta(days=1)
"""How long answers are repeated to who asks twice, and how long what nobody touches is remembered."""

MONTH = timedelta(days=31)

_SENDERS = (SendEmail.name, SendBulkEmail.name, SendSms.name, Notify.name)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Rows that go together.

    Attributes:
        table: theirs.
        by: what their age is read from; has an index where the table is large.
        before: what is older may go.
        over: what else must be so.
        jobs: of which jobs an open dead letter keeps a row: the names before its id in their keys.
    """

    table: type[Base]
    by: InstrumentedAttribute[Any]
    before: datetime
    over: tuple[ColumnElement[bool], ...] = ()
    jobs: tuple[str, ...] = ()


class Pruning:
    """Prunes.

    Args:
        database: where everything is.
        retention: how long it is kept that something was done.
    """

    def __init__(self, database: Database, retention: timedelta) -> None:
        self._database = database
        self._retention = retention

    def prune(self, now: datetime) -> Mapping[str, int]:
        """Delete what is over long ago; return how many rows of which table went, without what went with them.

        Raises:
            DatabaseUnavailable: the database did not answer; what went is gone, and the next run goes on.
        """
        deadline = time.monotonic() + SECONDS
        self._forget_payments(now)
        return {kind.table.__tablename__: self._prune(kind, deadline) for kind in _kinds(now, now - self._retention)}

    def _forget_payments(self, now: datetime) -> None:
        """Delete, two months on, what says that a whole document was paid for: Textract knows its job for a week."""
        month = func.substr(Spend.period, func.length(Spend.period) - len("2026-11") + 1)
        paid = Spend.period.startswith(PAID_ONCE, autoescape=True)
        with self._database.write() as work:
            work.session.execute(delete(Spend).where(paid, month < f"{now - 2 * MONTH:%Y-%m}"))

    def _prune(self, kind: _Kind, deadline: float) -> int:
        gone = 0
        for found in self._old(kind, deadline):
            kept = self._open(kind, found)
            ids = [row for row in found if row[0] not in kept]
            with self._database.write() as work:
                key = tuple_(*kind.table.__mapper__.primary_key)
                # Asked again: what was put back since it was found is no longer over.
                still = (kind.by < kind.before, *kind.over)
                deleted = work.session.execute(
                    delete(kind.table).where(key.in_(ids), *still).returning(*kind.table.__mapper__.primary_key),
                    execution_options={"synchronize_session": False},
                )
                gone += len(deleted.all())
        return gone

    def _old(self, kind: _Kind, deadline: float) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Give the keys of what may go, a batch at a time, each once, whether it went or stays."""
        key = kind.table.__mapper__.primary_key
        query = select(kind.by, *key).where(kind.by < kind.before, *kind.over).order_by(kind.by, *key).limit(BATCH)
        further = query
        while time.monotonic() < deadline:
            with self._database.read() as session:
                rows = [tuple(row) for row in session.execute(further)]
            if not rows:
                return
            yield [row[1:] for row in rows]
            later = and_(kind.by == rows[-1][0], tuple_(*key) > tuple_(*rows[-1][1:]))
            further = query.where(or_(kind.by > rows[-1][0], later))

    def _open(self, kind: _Kind, found: Sequence[tuple[Any, ...]]) -> set[Any]:
        """Those of them that an open dead letter is about, by way of their job."""
        if not kind.jobs:
            return set()
        keys = {f"{name}:{row[0]}": row[0] for row in found for name in kind.jobs}
        of_letter = select(JobRow.key).join(DeadLetter, DeadLetter.job_id == JobRow.id)
        with self._database.read() as session:
            query = of_letter.where(JobRow.key.in_(keys), DeadLetter.resolved_at.is_(None))
            return {keys[key] for key in session.scalars(query) if key}


def _kinds(now: datetime, before: datetime) -> Iterator[_Kind]:
    """In this order: a dead letter goes before the job it is about, and a part before the whole."""
    part = aliased(MessageRow)
    has_letter = exists().where(DeadLetter.job_id == JobRow.id)
    letter_open = exists().where(DeadLetter.id == EventRow.id, DeadLetter.resolved_at.is_(None))
    yield _Kind(IdempotencyRow, IdempotencyRow.created_at, now - DAY)
    closed = or_(Circuit.open_until.is_(None), Circuit.open_until < now - DAY)
    yield _Kind(Circuit, Circuit.updated_at, now - DAY, (closed,))
    # That of an alert says what was told already.
    yield _Kind(Rate, Rate.free_at, now - DAY, (~Rate.name.startswith("alert:"),))
    # Its file goes with its answer; one that nobody looked into is forgotten by the store.
    yield _Kind(Quote, Quote.created_at, now - DAY, jobs=(QuoteDocument.name,))
    yield _Kind(DeadLetter, DeadLetter.resolved_at, before)
    yield _Kind(EventRow, EventRow.published_at, before, (~letter_open,))
    yield _Kind(Delivery, Delivery.finished_at, before, jobs=(DeliverWebhook.name,))
    final = or_(MessageRow.status != MessageStatus.QUEUED, MessageRow.kind == MessageKind.BULK)
    whole = ~exists().where(part.parent_id == MessageRow.id)
    yield _Kind(MessageRow, MessageRow.created_at, before, (final, whole), _SENDERS)
    yield _Kind(JobRow, JobRow.finished_at, before, (JobRow.document_id.is_(None), ~has_letter))
