"""The one list of what was given up, of both lanes.

Of the heavy lane it holds what failed although it was not at fault: because an engine, a store or a worker failed it on
every attempt. A corrupt file, a wrong password, a page too large are answers to who sent them; no retry changes them,
and they are no dead letters. A document has one dead letter, however many of its jobs or pages failed. Of the light
lane it holds everything that was not sent, but for what its recipient does not want: mail to who is suppressed, and
what was under way to a webhook that is disabled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.contracts import OcrClose, OcrDocument, OcrPages, lane_of
from shared.errors import Permanent, TwolaneError
from shared.models import DeadLetter, Document, JobRow, utcnow


def _codes(kind: type[TwolaneError]) -> Iterator[str]:
    yield kind.code
    for narrower in kind.__subclasses__():
        yield from _codes(narrower)


ANSWERS = frozenset(_codes(Permanent))
"""Codes that no retry changes."""


_READING = frozenset({OcrDocument.name, OcrPages.name, OcrClose.name})
"""Jobs that are a document's reading: it has one dead letter, which reads it again. Others about it have their own."""


def count_dead_letters(session: Session) -> int:
    """Count those that are open."""
    return session.scalar(select(func.count(DeadLetter.id)).where(DeadLetter.resolved_at.is_(None))) or 0


def enter_job(session: Session, job: JobRow, trace: str | None = None) -> None:
    """Enter a job that was given up, in the transaction that gives it up."""
    document_id = job.document_id if job.name in _READING else None
    enter(
        session,
        id=document_id or job.id,
        lane=lane_of(job.queue),
        queue=job.queue,
        name=job.name,
        job_id=None if document_id else job.id,
        document_id=document_id,
        payload=job.payload,
        error_code=job.error_code or "internal_error",
        error_message=job.error_message or "",
        traceback=trace,
        attempts=job.attempt,
        correlation_id=job.correlation_id,
        first_failed_at=job.first_failed_at or utcnow(),
    )


def enter_document(session: Session, document: Document) -> None:
    """Enter a document some pages of which could not be read through no fault of theirs; what is entered stays."""
    found = session.get(DeadLetter, document.id)
    if found is not None and found.resolved_at is None:
        return
    enter(
        session,
        id=document.id,
        lane=lane_of(OcrDocument.queue),
        queue=OcrDocument.queue,
        name=OcrDocument.name,
        document_id=document.id,
        payload={"document_id": str(document.id)},
        error_code=document.error_code or "internal_error",
        error_message=document.error_message or "",
        attempts=document.generation + 1,
        first_failed_at=utcnow(),
    )


def enter(session: Session, **columns: Any) -> None:
    """Enter a dead letter, or open the one of this id again; `columns` are those of `DeadLetter`."""
    row = session.get(DeadLetter, columns["id"])
    if row is None:
        session.add(DeadLetter(**columns))
        return
    if row.resolved_at is None:
        columns.pop("first_failed_at", None)
    for name, value in columns.items():
        setattr(row, name, value)
    row.last_failed_at = utcnow()
    row.resolved_at = row.resolution = row.note = None


def settle_document(session: Session, document_id: UUID) -> None:
    """A document is read again, or gone: what was given up of it is open no more."""
    session.execute(
        update(DeadLetter)
        .where(DeadLetter.document_id == document_id, DeadLetter.resolved_at.is_(None))
        .values(resolved_at=utcnow(), resolution="retried")
    )
