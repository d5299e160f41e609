"""The list of dead letters, for those who look at it: read, put back, settled."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from shared.adapters.queues import Queues
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import Conflict, NotFound, NotRequeueable
from shared.models import DeadLetter, utcnow
from shared.services import cursors, requeueing
from shared.values import DeadLetterFilter

log = logging.getLogger(__name__)

PAGE = 100
"""Dead letters looked at before the next question to the database."""

MOST = 500
"""Dead letters that one request looks at; the next one goes on."""

SECONDS = 15
"""After so long a request begins with no further one: each may wait for a queue, and somebody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Requeued:
    """What a request by filter did: put back, refused because nothing can take them again, and left to the next."""

    requeued: int
    refused: int
    remaining: int


class DeadLetters:
    """Dead letters of both lanes.

    Args:
        database: where they are.
        queues: take messages back that are no jobs.
    """

    def __init__(self, database: Database, queues: Queues) -> None:
        self._database = database
        self._queues = queues

    def list(
        self, which: DeadLetterFilter, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[DeadLetter], str | None]:
        """List dead letters, the newest failure first, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = select(DeadLetter).where(*_conditions(which))
        if cursor is not None:
            query = query.where(_earlier(*cursors.decode(cursor)))
        query = query.order_by(DeadLetter.last_failed_at.desc(), DeadLetter.id.desc()).limit(limit + 1)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        more = len(rows) > limit
        return rows[:limit], cursors.encode(rows[limit - 1].last_failed_at, rows[limit - 1].id) if more else None

    def get(self, letter_id: UUID) -> DeadLetter:
        """Give one.

        Raises:
            NotFound: there is none of that id.
        """
        with self._database.read() as session:
            return _found(session.get(DeadLetter, letter_id))

    def requeue(self, letter_id: UUID) -> DeadLetter:
        """Put one back to the lane it came from. Asked twice, or by two at once, it goes back once.

        Raises:
            NotFound: there is none of that id.
            NotRequeueable: nothing can take it again, or somebody resolved it.
            QueueUnavailable, Throttled: its queue does not take it now.
        """
        with self._database.write() as work:
            letter = _found(requeueing.lock(work.session, letter_id))
            if letter.resolution == "resolved":
                message = "Somebody resolved this dead letter; what is resolved is not put back."
                raise NotRequeueable(message)
            self._put_back(work, letter)
        return letter

    def requeue_all(self, which: DeadLetterFilter) -> Requeued:
        """Put back those that are open and fit, the newest failure first, within `MOST` and `SECONDS`.

        What is refused stays open and is looked at again by the next request; where nothing at all was put back, the
        next one will not get further.

        Raises:
            QueueUnavailable, Throttled: a queue takes nothing now; those before it are back.
        """
        fits = DeadLetterFilter(which.lane, which.queue, which.code, resolved=False)
        deadline = time.monotonic() + SECONDS
        requeued = refused = 0
        for letter_id in self._ids(fits):
            back = self._try(letter_id)
            requeued, refused = requeued + back, refused + (not back)
            if requeued + refused >= MOST or time.monotonic() >= deadline:
                break
        return Requeued(requeued, refused, remaining=max(self._count(fits) - refused, 0))

    def resolve(self, letter_id: UUID, note: str) -> DeadLetter:
        """Settle one that need not be done, with a note why; asked twice, the first note stays.

        Raises:
            NotFound: there is none of that id.
            Conflict: it was put back.
        """
        with self._database.write() as work:
            letter = _found(work.session.get(DeadLetter, letter_id, with_for_update=True))
            if letter.resolved_at is None:
                letter.resolved_at, letter.resolution, letter.note = utcnow(), "resolved", note
            elif letter.resolution != "resolved":
                message = f"This dead letter was {letter.resolution} and is open no more."
                raise Conflict(message)
        return letter

    def _ids(self, which: DeadLetterFilter) -> Iterator[UUID]:
        cursor: str | None = None
        while True:
            letters, cursor = self.list(which, PAGE, cursor)
            yield from (letter.id for letter in letters)
            if cursor is None:
                return

    def _try(self, letter_id: UUID) -> bool:
        try:
            self.requeue(letter_id)
        except (NotRequeueable, NotFound) as error:
            log.info("not put back: %s", error, extra={"dead_letter": str(letter_id)})
            return False
        return True

    def _put_back(self, work: UnitOfWork, letter: DeadLetter) -> None:
        if letter.resolved_at is not None:
            return
        requeueing.put_back(work, letter, self._queues)
        letter.resolved_at, letter.resolution = utcnow(), "requeued"

    def _count(self, which: DeadLetterFilter) -> int:
        with self._database.read() as session:
            return session.scalar(select(func.count(DeadLetter.id)).where(*_conditions(which))) or 0


def _found(letter: DeadLetter | None) -> DeadLetter:
    if letter is None:
        message = "There is no such dead letter."
        raise NotFound(message)
    return letter


def _conditions(which: DeadLetterFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (DeadLetter.lane, which.lane),
        (DeadLetter.queue, which.queue),
        (DeadLetter.error_code, which.code),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if which.resolved is not None:
        conditions.append(DeadLetter.resolved_at.is_not(None) if which.resolved else DeadLetter.resolved_at.is_(None))
    return conditions


def _earlier(last_failed_at: datetime, letter_id: UUID) -> ColumnElement[bool]:
    same = and_(DeadLetter.last_failed_at == last_failed_at, DeadLetter.id < letter_id)
    return or_(DeadLetter.last_failed_at < last_failed_at, same)
