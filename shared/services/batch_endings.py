"""A batch is completed when its last document is final: seen once, in the transaction that makes it so.

Order of locks: documents by id, then their jobs, then batches by id, which come last in a transaction (see
`UnitOfWork.defer`). Two that end the last two documents of a batch at the same moment meet at the batch's row: the
first sees the other's document open and leaves, the second sees both and completes it. Whoever makes a batch locks its
documents before, so that none of them ends unseen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from shared.db.unit_of_work import UnitOfWork
from shared.events import BatchCompleted
from shared.models import OPEN, Batch, BatchDocument, Document, DocumentStatus, utcnow


def of_document(session: Session, document_id: UUID) -> Collection[UUID]:
    """The batches a document is in; stays true while the document is locked."""
    return session.scalars(select(BatchDocument.batch_id).where(BatchDocument.document_id == document_id)).all()


def left(work: UnitOfWork, batch_ids: Collection[UUID]) -> None:
    """Note that a document of these batches is open no more, or is gone: they may be completed by that."""
    if batch_ids:
        work.defer(_complete, batch_ids)


def counts(session: Session, batch_ids: Collection[UUID]) -> Mapping[UUID, dict[DocumentStatus, int]]:
    """How many documents of each batch stand where; statuses that none has are left out."""
    query = (
        select(BatchDocument.batch_id, Document.status, func.count())
        .join(Document, Document.id == BatchDocument.document_id)
        .where(BatchDocument.batch_id.in_(batch_ids))
        .group_by(BatchDocument.batch_id, Document.status)
    )
    found: dict[UUID, dict[DocumentStatus, int]] = {batch_id: {} for batch_id in batch_ids}
    for batch_id, status, count in session.execute(query):
        found[batch_id][status] = count
    return found


def _complete(work: UnitOfWork, batch_ids: Collection[UUID]) -> None:
    """Complete those of the batches that have no open document; each once, whatever is read again later."""
    waiting = select(Batch).where(Batch.id.in_(batch_ids), Batch.completed_at.is_(None)).order_by(Batch.id)
    for batch in work.session.scalars(waiting.with_for_update()).all():
        # A statement of its own, begun after the lock was given: it sees what others committed before.
        is_open = exists().where(
            BatchDocument.batch_id == batch.id, Document.id == BatchDocument.document_id, Document.status.in_(OPEN)
        )
        if work.session.scalar(select(is_open)):
            continue
        batch.completed_at = utcnow()
        ended = counts(work.session, [batch.id])[batch.id]
        told = {status.value: count for status, count in sorted(ended.items())}
        work.emit(batch.account_id, BatchCompleted(batch_id=batch.id, counts=told))
