"""Commit first, publish after.

A use case changes state and says which jobs follow from it and what happened, in one transaction: each job gets its row
and an outbox row, each event its row. When that has committed they are published, best effort: jobs to the carrier of
their lane, events to the bus. What is not taken stays where it is for the relay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ClauseElement, Connection, Dialect, Engine, delete, select, update
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from shared import log as shared_log
from shared.contracts import Job, Lane, lane_of
from shared.db import schema
from shared.db.direct import Statement
from shared.db.engine import WRITES
from shared.db.inserting import insert_into
from shared.errors import BrokerUnavailable, DatabaseUnavailable, NotMigrated
from shared.events import VERSION, Event
from shared.models import EventRow, JobRow, OutboxRow, utcnow

log = logging.getLogger(__name__)

MAX_COUNTDOWN = timedelta(minutes=5)
"""Later heavy work waits in the outbox: a message with a countdown lies unacknowledged in a worker's memory."""

MAX_DELAY = timedelta(minutes=15)
"""Later light work waits in the outbox: SQS delays a message for so long at most."""

_HORIZONS: dict[Lane, timedelta] = {"heavy": MAX_COUNTDOWN, "light": MAX_DELAY}


@dataclass(frozen=True, slots=True)
class Message:
    """One outbox row, ready for its carrier. `task_id` is the row's id; `available_at` says when it may run."""

    task_id: UUID
    job_id: UUID
    name: str
    queue: str
    payload: dict[str, Any]
    priority: int
    available_at: datetime
    correlation_id: str | None = None

    @property
    def lane(self) -> Lane:
        """Who carries it."""
        return lane_of(self.queue)


Publish = Callable[[Message], None]
"""Hands one message to the broker; raises BrokerUnavailable."""

LastStep = Callable[["UnitOfWork", Collection[UUID]], None]
"""What a transaction does last, to the things of these ids."""

PublishMany = Callable[[Sequence[Message]], Collection[UUID]]
"""Hands messages to the queues of the light lane; returns the task ids of those they took, and raises nothing."""

PublishEvents = Callable[[Sequence[EventRow]], Collection[UUID]]
"""Hands events to the bus; returns the ids of those it took, and raises nothing."""


def _takes_none(_: Sequence[Any]) -> Collection[UUID]:
    """Where a process has no way to the queues: the relay has."""
    return ()


class UnitOfWork:
    """One transaction and the messages that leave after it."""

    def __init__(self, session: Session, *, tells: bool = False) -> None:
        self.session = session
        self._tells = tells
        self.messages: list[Message] = []
        self.events: list[EventRow] = []
        self._last: dict[LastStep, set[UUID]] = {}

    def defer(self, step: LastStep, ids: Collection[UUID]) -> None:
        """Do something last, right before the commit: once, with every id it was deferred for.

        Who locks rows that many transactions want does so here, all of them in one order, and holds nothing else up.
        """
        self._last.setdefault(step, set()).update(ids)

    def finish(self) -> None:
        """Do what was deferred."""
        while self._last:
            step, ids = self._last.popitem()
            self.session.flush()
            step(self, ids)

    def send(
        self,
        job: Job,
        *,
        document_id: UUID | None = None,
        priority: int = 5,
        key: str | None = None,
    ) -> UUID:
        """Create a job and its message; both appear with the commit. A key that has its job makes no other.

        Args:
            job: what is to be done.
            document_id: the document it is about; the job goes when the document goes.
            priority: 10 critical ... 1 low.
            key: unique name of the effect, e.g. `ocr.document:ID:0`.

        Returns:
            The id of the job, or of the one that has the key already.
        """
        columns = {
            "name": job.name,
            "queue": job.queue,
            "key": key,
            "payload": job.model_dump(mode="json"),
            "document_id": document_id,
            "priority": priority,
            "correlation_id": shared_log.correlation_id(),
        }
        new = insert_into(self.session, JobRow).values(columns).on_conflict_do_nothing(index_elements=[JobRow.key])
        row: JobRow | None = self.session.scalar(new.returning(JobRow))
        if row is None:
            return self.session.scalars(select(JobRow.id).where(JobRow.key == key)).one()
        self.resend(row)
        return row.id

    def send_all(self, jobs: Mapping[str, Job]) -> None:
        """Create many jobs and their messages in few statements.

        Args:
            jobs: by their keys, of which none may have a job yet.
        """
        said = {"correlation_id": shared_log.correlation_id()}
        rows = [
            JobRow(name=job.name, queue=job.queue, key=key, payload=job.model_dump(mode="json"), **said)
            for key, job in jobs.items()
        ]
        self.session.add_all(rows)
        self.session.flush()
        outbox = [OutboxRow(job_id=row.id) for row in rows]
        self.session.add_all(outbox)
        self.session.flush()
        self.messages += map(as_message, outbox, rows)

    def resend(self, row: JobRow, available_at: datetime | None = None) -> None:
        """Write a new message for a job that exists."""
        outbox = OutboxRow(job_id=row.id, available_at=available_at or utcnow())
        self.session.add(outbox)
        self.session.flush()
        self.messages.append(as_message(outbox, row))

    def emit(self, account_id: UUID, event: Event) -> UUID | None:
        """Say that something happened; whoever subscribed hears of it after the commit.

        Args:
            account_id: whose it is.
            event: what.

        Returns:
            The event's id; None where there is no bus, and so nobody who could hear.
        """
        if not self._tells:
            return None
        row = EventRow(
            account_id=account_id,
            type=event.type,
            version=VERSION,
            subject=event.subject,
            data=event.model_dump(mode="json"),
            correlation_id=shared_log.correlation_id(),
        )
        self.session.add(row)
        self.session.flush()
        self.events.append(row)
        return row.id


def as_message(outbox: OutboxRow, row: JobRow) -> Message:
    """Join an outbox row with the job it speaks of."""
    return Message(
        task_id=outbox.id,
        job_id=row.id,
        name=row.name,
        queue=row.queue,
        payload=row.payload,
        priority=row.priority,
        available_at=outbox.available_at,
        correlation_id=row.correlation_id,
    )


class Database:
    """Transactions over one engine.

    Args:
        engine: from `make_engine`.
        publish: takes the messages of committed heavy work.
        publish_light: takes those of the light lane; without it they wait for the relay.
        publish_events: takes what happened; without it nothing is told.
    """

    def __init__(
        self,
        engine: Engine,
        publish: Publish,
        publish_light: PublishMany = _takes_none,
        publish_events: PublishEvents | None = None,
    ) -> None:
        self.engine = engine
        self._publish = publish
        self._publish_light = publish_light
        self._publish_events = publish_events
        self._writer = engine.execution_options(**{WRITES: True})
        self._readers = sessionmaker(engine, expire_on_commit=False)
        self._writers = sessionmaker(self._writer, expire_on_commit=False)

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Open a transaction that commits at the end of the block and then publishes; an exception rolls it back.

        Raises:
            DatabaseUnavailable: the database did not answer; NotMigrated: it lacks a table or column.
        """
        with _our_errors(), self._writers() as session:
            work = UnitOfWork(session, tells=self._publish_events is not None)
            yield work
            work.finish()
            session.commit()
        if work.messages or work.events:
            self._publish_committed(work)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads.

        Raises:
            DatabaseUnavailable: the database did not answer; NotMigrated: it lacks a table or column.
        """
        with _our_errors(), self._readers() as session:
            yield session

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a bare connection whose transaction will write, for a statement that needs no session.

        Raises:
            DatabaseUnavailable: the database did not answer; NotMigrated: it lacks a table or column.
        """
        with _our_errors(), self._writer.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections that are kept; the next transaction opens a new one."""
        self.engine.dispose()

    def ping(self) -> None:
        """Ask for a sign of life, from tables that this code can work with.

        Raises:
            DatabaseUnavailable: it did not answer.
            NotReady: it is behind on migrations.
        """
        schema.check(self.engine)

    def is_new(self) -> bool:
        """Whether nobody has made its tables yet, as between the first deployment and its migrations.

        Raises:
            DatabaseUnavailable: it did not answer.
        """
        return schema.revision(self.engine) is None

    def prepare(self, clause: ClauseElement) -> Callable[..., int]:
        """Return a function that runs one writing statement, each time in a transaction of its own; see `Statement`.

        It takes the values of the statement's parameters by name, and raises DatabaseUnavailable.
        """
        statement = Statement(self.engine, clause)

        def run(**values: Any) -> int:
            with _our_errors(self.engine.dialect):
                return statement.run(**values)

        return run

    def _publish_committed(self, work: UnitOfWork) -> None:
        """Publish without ever failing the caller, whose work is committed; the relay repeats what is left."""
        try:
            self.publish(work.messages)
            self.publish_events(work.events)
        except DatabaseUnavailable as error:
            log.warning("what was published will be published again: %s", error)

    def publish(self, messages: Sequence[Message]) -> int:
        """Hand messages to the carriers of their lanes, forget those that were taken; return how many were.

        Raises:
            DatabaseUnavailable: those that were taken could not be forgotten.
        """
        now = utcnow()
        due = [message for message in messages if message.available_at <= now + _HORIZONS[message.lane]]
        light = [message for message in due if message.lane == "light"]
        published = self._publish_heavy([message for message in due if message.lane == "heavy"])
        published += self._publish_light(light) if light else ()
        if published:
            with self.connect() as connection:
                connection.execute(delete(OutboxRow).where(OutboxRow.id.in_(published)))
                connection.commit()
        return len(published)

    def _publish_heavy(self, messages: Sequence[Message]) -> list[UUID]:
        """Hand messages to the broker until one fails."""
        published: list[UUID] = []
        for message in messages:
            try:
                self._publish(message)
            except BrokerUnavailable as error:
                log.warning("the broker took %d of %d messages: %s", len(published), len(messages), error)
                break
            published.append(message.task_id)
        return published

    def publish_events(self, events: Sequence[EventRow]) -> int:
        """Hand events to the bus and note those that it took; return how many.

        Raises:
            DatabaseUnavailable: that could not be noted, and they will be told again.
        """
        published = self._publish_events(events) if self._publish_events and events else ()
        if published:
            with self.connect() as connection:
                connection.execute(update(EventRow).where(EventRow.id.in_(published)).values(published_at=utcnow()))
                connection.commit()
        return len(published)


@contextmanager
def _our_errors(dialect: Dialect | None = None) -> Iterator[None]:
    """Speak of a database that does not answer, or lacks tables; with a dialect, in its driver's errors too."""
    dbapi = None if dialect is None else dialect.loaded_dbapi
    silent = () if dbapi is None else (dbapi.OperationalError, dbapi.InterfaceError)
    wrong = () if dbapi is None else (dbapi.ProgrammingError,)
    try:
        yield
    except (OperationalError, InterfaceError, ProgrammingError, *silent, *wrong) as error:
        if schema.is_behind(error):
            raise NotMigrated(f"The database is behind on migrations: {schema.CURE}.") from error
        if isinstance(error, (ProgrammingError, *wrong)):
            raise
        message = f"The database does not answer: {getattr(error, 'orig', error)}. Try again in a moment."
        raise DatabaseUnavailable(message) from error
    except PoolTimeout as error:
        message = "Every database connection of this process is in use. Try again in a moment."
        raise DatabaseUnavailable(message) from error
