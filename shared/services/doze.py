"""An idle database that may pause: the schedules leave it alone while a note in Redis says that nothing is open in it.

Off unless `DATABASE_DOZE_SECONDS` says otherwise. The relay leaves the note when it found no open job and no message
in the outbox; every message sent removes it, as does a flush of Redis, and without a note the database is looked at.

What this costs: work whose message never left removes no note. That is work of a process that died between its commit
and the message (out of memory, out of time, a Spot task taken back), and work that was committed while Redis could not
be reached and kept the note. It lies in the outbox until the note's time is up: `DATABASE_DOZE_SECONDS` at the latest,
instead of a minute, or until the next message is sent. So does work whose message's removal of the note was lost in a
failover, if its worker is lost as well. For as long, a dead letter that was deleted is still counted. Removing the note
before the commit as well would cost every write another question to Redis, asked while it holds its locks.

What the queues of the light lane or the bus did not take removes the note as well, where who left it behind reaches
Redis: the API and the workers. The functions of the light lane do not, so what they do removes none. While one stands,
their messages arrive as ever; what waits for the relay waits until the note's time is up or the next document comes: a
retry that is due later than in `MAX_DELAY`, an event that the bus did not take, the job of a function that was lost.
"""

from __future__ import annotations

import logging

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import exists, or_, select

from shared.adapters.doze import DozeNote
from shared.db.unit_of_work import Database
from shared.errors import BrokerUnavailable
from shared.models import EventRow, JobRow, OutboxRow
from shared.services.dead_letters import count_dead_letters

log = logging.getLogger(__name__)


class Idle(BaseModel):
    """What the database said when nothing was open in it."""

    model_config = ConfigDict(frozen=True)

    dead_letters: int


class Doze:
    """Leaves the note, and reads it.

    Args:
        database: what may pause.
        note: where the note lies.
        seconds: how long it stands; 0 turns all of this off, and Redis is not asked.
    """

    def __init__(self, database: Database, note: DozeNote, seconds: int) -> None:
        self._database = database
        self._note = note
        self._seconds = seconds

    def idle(self) -> Idle | None:
        """What the note says; None where the database should be looked at: no note that can be read, or no Redis."""
        if not self._seconds:
            return None
        try:
            note = self._note.read()
            return None if note is None else Idle.model_validate_json(note)
        except BrokerUnavailable as error:
            log.warning("cannot tell whether the database is idle: %s", error)
        except ValidationError:
            log.info("the note that the database is idle was left by another version of this code")
        return None

    def leave_note(self) -> None:
        """Leave the note if nothing is open; a message that is sent meanwhile wins.

        Raises:
            DatabaseUnavailable: the database did not answer.
        """
        if not self._seconds:
            return
        try:
            expected = self._note.expect()
            idle = self._look()
            if idle is not None:
                self._note.leave(expected, idle.model_dump_json(), self._seconds)
        except BrokerUnavailable as error:
            log.warning("no note was left that the database is idle: %s", error)

    def _look(self) -> Idle | None:
        is_open = or_(
            exists().where(JobRow.finished_at.is_(None)),
            exists().where(OutboxRow.id.is_not(None)),
            exists().where(EventRow.published_at.is_(None)),
        )
        with self._database.read() as session:
            if session.scalar(select(is_open)):
                return None
            return Idle(dead_letters=count_dead_letters(session))
