"""A document became final: the event that says so, and the batches that may be completed by it."""

from __future__ import annotations

from shared.db.unit_of_work import UnitOfWork
from shared.events import DocumentCancelled, DocumentCompleted, DocumentFailed, DocumentPartial, Event
from shared.models import Document, DocumentStatus
from shared.models.base import plain
from shared.services import batch_endings

_EVENTS = {
    DocumentStatus.COMPLETED: DocumentCompleted,
    DocumentStatus.PARTIAL: DocumentPartial,
    DocumentStatus.FAILED: DocumentFailed,
    DocumentStatus.CANCELLED: DocumentCancelled,
}


def announce(work: UnitOfWork, document: Document) -> None:
    """Tell of a document, which is locked and has just got a final status, in the transaction that gave it."""
    work.emit(document.account_id, event_of(document))
    batch_endings.left(work, batch_endings.of_document(work.session, document.id))


def event_of(document: Document) -> Event:
    """What there is to tell of a final document."""
    # A column makes its text plain on the way to the database; an event holds it as JSON.
    error = {"code": document.error_code, "message": plain(document.error_message or "")}
    return _EVENTS[document.status](
        document_id=document.id,
        status=document.status.value,
        filename=document.filename,
        page_count=document.page_count,
        error=error if document.error_code else None,
        metadata=document.user_metadata,
    )
