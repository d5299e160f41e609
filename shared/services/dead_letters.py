"""What was given up although it was not at fault.

A document that failed, in whole or in part, because an engine, a store or a worker failed it on every attempt, is a
dead letter: somebody should look at the cause and retry it. It is none any more once it is retried, or gone. A corrupt
file, a wrong password, a page too large are answers to who sent them; no retry changes them, and they are none.
A job without a document that was given up is a dead letter of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from shared.errors import Permanent, TwolaneError
from shared.models import Document, DocumentStatus, JobRow, JobStatus, Page, PageStatus


def _codes(kind: type[TwolaneError]) -> Iterator[str]:
    yield kind.code
    for narrower in kind.__subclasses__():
        yield from _codes(narrower)


def count_dead_letters(session: Session) -> int:
    """Count them."""
    answers = tuple(set(_codes(Permanent)))
    # The document's own error is that of the first page that failed.
    another_page = and_(
        Document.pages_total > 1,
        exists().where(
            Page.document_id == Document.id, Page.status == PageStatus.FAILED, Page.error_code.not_in(answers)
        ),
    )
    documents = select(func.count(Document.id)).where(
        Document.status.in_([DocumentStatus.FAILED, DocumentStatus.PARTIAL]),
        or_(Document.error_code.not_in(answers), another_page),
    )
    jobs = select(func.count(JobRow.id)).where(
        JobRow.document_id.is_(None), JobRow.status == JobStatus.FAILED, JobRow.error_code.not_in(answers)
    )
    return (session.scalar(documents) or 0) + (session.scalar(jobs) or 0)
