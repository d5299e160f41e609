"""Commit first, publish after.

A use case changes state and says which jobs follow from it, in one transaction: each job gets its row and an outbox
row. When that has committed, the outbox rows are published, best effort; what the broker does not take stays in the
outbox for the relay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ClauseElement, Connection, Dialect, Engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from shared.contracts import Job
from shared.db import schema
from shared.db.direct import Statement
from shared.db.engine import WRITES
from shared.errors import BrokerUnavailable, DatabaseUnavailable, NotMigrated
from shared.models import JobRow, OutboxRow, utcnow

log = logging.getLogger(__name__)

MAX_COUNTDOWN = timedelta(minutes=5)
"""Later work waits in the outbox: a message with a countdown lies unacknowledged in a worker's memory."""


@dataclass(frozen=True, slots=True)
class Message:
    """One outbox row, ready for the broker. `task_id` is the row's id; `available_at` says when it may run."""

    task_id: UUID
    job_id: UUID
    name: str
    queue: str
    payload: dict[str, Any]
    priority: int
    available_at: datetime


Publish = Callable[[Message], None]
"""Hands one message to the broker; raises BrokerUnavailable."""


class UnitOfWork:
    """One transaction and the messages that leave after it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.messages: list[Message] = []

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
        }
        row: JobRow | None = self.session.scalar(_insert_new(self.session).values(columns).returning(JobRow))
        if row is None:
            return self.session.scalars(select(JobRow.id).where(JobRow.key == key)).one()
        self.resend(row)
        return row.id

    def resend(self, row: JobRow, available_at: datetime | None = None) -> None:
        """Write a new message for a job that exists."""
        outbox = OutboxRow(job_id=row.id, available_at=available_at or utcnow())
        self.session.add(outbox)
        self.session.flush()
        self.messages.append(as_message(outbox, row))


def _insert_new(session: Session) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that waits for others with the same key and then gives way to them, without failing the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(JobRow).on_conflict_do_nothing(index_elements=[JobRow.key])
    return sqlite.insert(JobRow).on_conflict_do_nothing(index_elements=[JobRow.key])


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
    )


class Database:
    """Transactions over one engine.

    Args:
        engine: from `make_engine`.
        publish: takes the messages of committed work.
    """

    def __init__(self, engine: Engine, publish: Publish) -> None:
        self.engine = engine
        self._publish = publish
        self._writer = engine.execution_options(**{WRITES: True})
        self._readers = sessionmaker(engine, expire_on_commit=False)
        self._writers = sessionmaker(self._writer, expire_on_commit=False)

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Open a transaction that commits at the end of the block and then publishes; an exception rolls it back.

        Raises:
            DatabaseUnavailable: the database did not answer; NotMigrated: it lacks a table or column.
        """
        with _our_errors(), self._writers() as session:
            work = UnitOfWork(session)
            yield work
            session.commit()
        if work.messages:
            self._publish_committed(work.messages)

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

    def _publish_committed(self, messages: Sequence[Message]) -> None:
        """Publish without ever failing the caller, whose work is committed; the relay repeats what is left."""
        try:
            self.publish(messages)
        except DatabaseUnavailable as error:
            log.warning("published messages stay in the outbox and will be sent again: %s", error)

    def publish(self, messages: Sequence[Message]) -> int:
        """Hand messages to the broker until one fails, forget those it took; return how many it took.

        Raises:
            DatabaseUnavailable: those it took could not be forgotten.
        """
        published: list[UUID] = []
        horizon = utcnow() + MAX_COUNTDOWN
        for message in messages:
            if message.available_at > horizon:
                continue
            try:
                self._publish(message)
            except BrokerUnavailable as error:
                log.warning("the broker took %d of %d messages: %s", len(published), len(messages), error)
                break
            published.append(message.task_id)
        if published:
            with self.connect() as connection:
                connection.execute(delete(OutboxRow).where(OutboxRow.id.in_(published)))
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
