"""Dead letters go back to the lane they came from."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.adapters.queues import Queues
from shared.contracts import DeliverWebhook, ExtractInvoice, QuoteDocument
from shared.db.unit_of_work import UnitOfWork
from shared.errors import NotRequeueable
from shared.models import (
    DeadLetter,
    Delivery,
    Document,
    EventRow,
    JobRow,
    JobStatus,
    MessageRow,
    Quote,
)
from shared.services import extracting
from shared.services.documents import reopen
from shared.services.restarts import restart
from shared.values import DeliveryStatus, MessageStatus, QuoteStatus


def lock(session: Session, letter_id: UUID) -> DeadLetter | None:
    """Lock a dead letter, after what it is about: whoever gives something up does so too, and nobody deadlocks."""
    seen = session.get(DeadLetter, letter_id)
    if seen is None:
        return None
    if seen.document_id is not None:
        session.get(Document, seen.document_id, with_for_update=True)
    elif seen.job_id is not None:
        about = session.scalar(select(JobRow.document_id).where(JobRow.id == seen.job_id))
        if about is not None:
            session.get(Document, about, with_for_update=True)
        session.get(JobRow, seen.job_id, with_for_update=True)
    else:
        session.get(EventRow, seen.id, with_for_update=True)
    return session.get(DeadLetter, letter_id, with_for_update=True, populate_existing=True)


def put_back(work: UnitOfWork, letter: DeadLetter, queues: Queues) -> None:
    """Put a dead letter, which is locked and open, back to its lane.

    Raises:
        NotRequeueable: nothing can take it again.
        QueueUnavailable, Throttled: its queue does not take it now.
    """
    if letter.document_id is not None:
        _document(work, letter.document_id)
    elif letter.job_id is not None:
        _job(work, letter.job_id)
    elif (event := work.session.get(EventRow, letter.id)) is not None:
        # Whoever subscribed gets it once more, under the same id.
        event.published_at = None
        work.events.append(event)
    else:
        _raw(letter, queues)


def _document(work: UnitOfWork, document_id: UUID) -> None:
    reopen(work, work.session.get_one(Document, document_id), NotRequeueable)


def _job(work: UnitOfWork, job_id: UUID) -> None:
    job = work.session.get_one(JobRow, job_id)
    if job.status != JobStatus.FAILED:
        message = f"The job is {job.status}; only one that failed can be queued again."
        raise NotRequeueable(message)
    if job.name == DeliverWebhook.name:
        _delivery(work.session, UUID(job.payload["delivery_id"]))
    elif "message_id" in job.payload:
        _message(work.session, UUID(job.payload["message_id"]))
    elif job.name == QuoteDocument.name:
        _quote(work.session, UUID(job.payload["quote_id"]))
    elif job.name == ExtractInvoice.name and not extracting.put_back(work, job):
        message = "The fields were looked for again meanwhile; resolve this dead letter instead."
        raise NotRequeueable(message)
    restart(work, job)


def _message(session: Session, message_id: UUID) -> None:
    message = session.get(MessageRow, message_id, with_for_update=True)
    if message is None or message.status == MessageStatus.SENT:
        reason = "is not there any more" if message is None else "has been sent"
        raise NotRequeueable(f"The message {message_id} {reason}; resolve this dead letter instead.")
    message.status = MessageStatus.QUEUED
    message.error_code = message.error_message = None


def _quote(session: Session, quote_id: UUID) -> None:
    quote = session.get(Quote, quote_id, with_for_update=True)
    if quote is None or quote.status == QuoteStatus.COMPLETED:
        reason = "is not there any more" if quote is None else "was answered"
        raise NotRequeueable(f"The quote {quote_id} {reason}; resolve this dead letter instead.")
    quote.status, quote.completed_at = QuoteStatus.QUEUED, None
    quote.error_code = quote.error_message = None


def _delivery(session: Session, delivery_id: UUID) -> None:
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.status == DeliveryStatus.DELIVERED:
        reason = "is not there any more" if delivery is None else "has reached its receiver"
        raise NotRequeueable(f"The delivery {delivery_id} {reason}; resolve this dead letter instead.")
    delivery.status, delivery.finished_at = DeliveryStatus.PENDING, None
    delivery.error_code = delivery.error_message = None


def _raw(letter: DeadLetter, queues: Queues) -> None:
    """Send a message's body to its queue, before the commit: sent twice it does nothing twice, lost it would be."""
    body = letter.payload.get("body")
    if body is None or not letter.payload.get("whole"):
        message = "Of this message not everything is kept, so that it can't be sent again; resolve it instead."
        raise NotRequeueable(message)
    if not queues.knows(letter.queue):
        message = (
            f"This deployment does not let the API send to the queue {letter.queue}; redrive its dead letters in SQS."
        )
        raise NotRequeueable(message)
    queues.send_body(letter.queue, body)
