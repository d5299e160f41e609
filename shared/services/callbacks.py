"""Asking to be told of a document that is here already."""

from __future__ import annotations

from uuid import UUID, uuid4

from shared.adapters.bus import envelope
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict
from shared.events import VERSION
from shared.models import Document, EventRow, utcnow
from shared.services.announcing import event_of
from shared.services.fan_out import as_body, queue_delivery
from shared.services.webhooks import callbacks_of

DELETED = "The same document was deleted while it was sent; send it again."


def ask(work: UnitOfWork, document_id: UUID, callback_url: str) -> Document:
    """Note who is told how a document ends, in place of whoever was to be; at once if it has ended.

    Args:
        work: the caller's transaction.
        document_id: which document.
        callback_url: checked by the guard.

    Raises:
        Conflict: it was deleted meanwhile.
    """
    # Locked: it ends before this, and is seen to have, or after it, and its event finds the callback.
    document = work.session.get(Document, document_id, with_for_update=True)
    if document is None:
        raise Conflict(DELETED)
    document.callback_url = callback_url
    if document.status.final:
        _tell_now(work, document)
    return document


def _tell_now(work: UnitOfWork, document: Document) -> None:
    """Queue a delivery to a final document's `callback_url`, each time anew.

    It is no event of the bus: nobody else is told again.
    """
    event = event_of(document)
    row = EventRow(
        id=uuid4(),
        account_id=document.account_id,
        type=event.type,
        version=VERSION,
        subject=document.id,
        data=event.model_dump(mode="json"),
        occurred_at=document.completed_at or utcnow(),
    )
    webhook = callbacks_of(work.session, document.account_id)
    told = (row.id, row.type, as_body(envelope(row)))
    queue_delivery(work, webhook, document.callback_url or "", told, f"callback:{row.id}")
