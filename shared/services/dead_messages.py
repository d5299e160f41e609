"""What became of messages that no function finished: SQS put them into a dead-letter queue, from here they are listed.

What lies there is believed in nothing: a body may be of a job of ours, of an event, of S3 or SNS, or of somebody who
may send to the queue.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select

from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import MessageGaveUp
from shared.events import SOURCE
from shared.models import DeadLetter, EventRow, JobRow
from shared.models.base import plain
from shared.services import dead_letters
from shared.services.jobs import Jobs

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
"""Characters of a body that are kept; what is longer can be looked at and not be sent again."""

_NAMESPACE = UUID("7f0b1f0e-6f0c-4a53-9d0b-3c7d5b1c8e62")


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message of a dead-letter queue.

    Attributes:
        queue: the queue whose message it was, by our name of it.
        message_id: SQS's name of it.
        body: what it says.
        received: how often a function was given it.
        sent_at: when it was sent.
    """

    queue: str
    message_id: str
    body: str
    received: int
    sent_at: datetime


class DeadMessages:
    """Turns messages that gave up into dead letters. Safe to repeat."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs

    def record(self, message: DeadMessage) -> None:
        """Enter a message: as the job or event it names where there is one, else as it is.

        Raises:
            DatabaseUnavailable: it could not be entered; SQS gives it again.
        """
        said = _parse(message.body)
        job_id, event_id = _uuid(said.get("job_id")), _event_of(said)
        if job_id is not None and self._has_job(job_id, message.queue):
            # A job that is over, or comes again by another message, has not failed.
            given_up = self._jobs.abandon(job_id, _gave_up(message))
            log.info("a job's message gave up", extra={"job_id": str(job_id), "job_given_up": given_up})
        elif event_id is None or not self._enter_event(event_id, message):
            self._enter_raw(message)

    def _has_job(self, job_id: UUID, queue: str) -> bool:
        with self._database.read() as session:
            return session.scalar(select(JobRow.id).where(JobRow.id == job_id, JobRow.queue == queue)) is not None

    def _enter_event(self, event_id: UUID, message: DeadMessage) -> bool:
        with self._database.write() as work:
            event = work.session.get(EventRow, event_id, with_for_update=True)
            if event is None:
                return False
            dead_letters.enter(
                work.session,
                id=event.id,
                name=event.type,
                payload={"event_id": str(event.id), "subject": str(event.subject)},
                correlation_id=event.correlation_id,
                **_columns(message),
            )
        return True

    def _enter_raw(self, message: DeadMessage) -> None:
        with self._database.write() as work:
            values = {
                "id": uuid5(_NAMESPACE, f"{message.queue} {message.message_id}"),
                "name": f"{message.queue[:50]}.message",
                "payload": _payload(message),
                **_columns(message),
            }
            # Given twice it is entered once, and not opened again if somebody has settled it.
            work.session.execute(insert_into(work.session, DeadLetter).values(values).on_conflict_do_nothing())


def _columns(message: DeadMessage) -> dict[str, Any]:
    error = _gave_up(message)
    return {
        "lane": "light",
        "queue": message.queue[:60],
        "error_code": error.code,
        "error_message": str(error),
        "attempts": message.received,
        "first_failed_at": message.sent_at,
    }


def _gave_up(message: DeadMessage) -> MessageGaveUp:
    return MessageGaveUp(
        f"A message of the queue {message.queue[:60]} was received {message.received} times and never finished; "
        "the function's log says why."
    )


def _payload(message: DeadMessage) -> dict[str, Any]:
    """The body as any database keeps it; `whole` where that is all of it, unchanged."""
    kept = plain(message.body[:MAX_BODY])
    return {"body": kept, "whole": kept == message.body, "message_id": message.message_id[:100]}


def _parse(body: str) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _event_of(said: dict[str, Any]) -> UUID | None:
    """The id of the event of ours that EventBridge put into a queue."""
    detail = said.get("detail")
    return _uuid(detail.get("id")) if said.get("source") == SOURCE and isinstance(detail, dict) else None


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
