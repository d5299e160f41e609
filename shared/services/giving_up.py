"""What a job that is given up means for what it is about."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.contracts import (
    DeliverWebhook,
    ExtractInvoice,
    Lane,
    MakeOutput,
    Notify,
    OcrClose,
    OcrDocument,
    QuoteDocument,
    SendBulkEmail,
    SendEmail,
    SendSms,
    lane_of,
)
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Permanent, RecipientSuppressed, TwolaneError, WebhookDisabled
from shared.models import (
    Delivery,
    Document,
    DocumentStatus,
    JobRow,
    MessageRow,
    Page,
    PageStatus,
    Quote,
    utcnow,
)
from shared.services import announcing, dead_letters, extracting, failing_webhooks
from shared.services.ledger import count_final
from shared.values import DeliveryStatus, MessageStatus, QuoteStatus

_ANSWERS: dict[Lane, tuple[type[TwolaneError], ...]] = {
    "heavy": (Permanent,),
    "light": (RecipientSuppressed, WebhookDisabled),
}


def give_up(work: UnitOfWork, job: JobRow, error: Exception, trace: str | None = None) -> None:
    """Carry the failure of a job that is given up over to what it is about, and enter it in the list of dead letters.

    No dead letter are answers, which no operator can change: of the heavy lane what fails by its own file, of the light
    lane mail that its recipient does not want, and a delivery whose webhook was disabled; its owner can replay it.
    """
    if not isinstance(error, _ANSWERS[lane_of(job.queue)]):
        dead_letters.enter_job(work.session, job, trace)
    if (carry_over := _CARRY_OVER.get(job.name)) is not None:
        carry_over(work, job, error)
    elif job.document_id is not None and job.name != MakeOutput.name:
        _of_document(work, job, job.document_id)


def _of_document(work: UnitOfWork, job: JobRow, document_id: UUID) -> None:
    """Pages that the job still had to read fail with its error; the others stay.

    Where that makes the ledger complete the document is closed by a job of its own, because outputs are assembled by
    workers alone. A document that could not even be opened, or closed, fails as a whole.
    """
    document = work.session.get(Document, document_id, with_for_update=True)
    if document is None or document.status not in {DocumentStatus.QUEUED, DocumentStatus.PROCESSING}:
        return
    if document.pages_total is None or job.name == OcrClose.name:
        document.status, document.completed_at = DocumentStatus.FAILED, utcnow()
        document.error_code, document.error_message = job.error_code, job.error_message
        announcing.announce(work, document)
        return
    document.status = DocumentStatus.PROCESSING
    work.session.flush()
    progress = count_final(work.session, document.id, _fail_pending(work.session, document.id, job))
    if progress.complete:
        work.send(
            OcrClose(document_id=document.id),
            document_id=document.id,
            priority=document.priority,
            key=f"{OcrClose.name}:{document.id}:{document.generation}",
        )


def _fail_pending(session: Session, document_id: UUID, job: JobRow) -> int:
    chunk = None if job.name == OcrDocument.name else job.payload.get("chunk")
    ended = session.execute(
        update(Page)
        .where(Page.document_id == document_id, Page.status == PageStatus.PENDING, Page.chunk == chunk)
        .values(status=PageStatus.FAILED, error_code=job.error_code, error_message=job.error_message)
        .returning(Page.number)
    )
    return len(ended.all())


def _of_message(work: UnitOfWork, job: JobRow, error: Exception) -> None:
    message = work.session.get(MessageRow, UUID(job.payload["message_id"]), with_for_update=True)
    if message is None or message.status == MessageStatus.SENT:
        return
    suppressed = isinstance(error, RecipientSuppressed)
    message.status = MessageStatus.SUPPRESSED if suppressed else MessageStatus.FAILED
    message.error_code, message.error_message = job.error_code, job.error_message
    if suppressed and "template" in message.content:
        # Nothing can send it any more, so a token has no business here.
        message.content = {"template": message.content["template"]}


def _of_delivery(work: UnitOfWork, job: JobRow, error: Exception) -> None:
    delivery = work.session.get(Delivery, UUID(job.payload["delivery_id"]), with_for_update=True)
    if delivery is None or delivery.status == DeliveryStatus.DELIVERED:
        return
    delivery.status, delivery.finished_at = DeliveryStatus.FAILED, utcnow()
    delivery.error_code, delivery.error_message = job.error_code, job.error_message
    failing_webhooks.gave_up(work, delivery, error)


def _of_extraction(work: UnitOfWork, job: JobRow, _error: Exception) -> None:
    extracting.give_up(work, job)


def _of_quote(work: UnitOfWork, job: JobRow, _error: Exception) -> None:
    quote = work.session.get(Quote, UUID(job.payload["quote_id"]), with_for_update=True)
    if quote is not None and quote.status == QuoteStatus.QUEUED:
        quote.status, quote.completed_at = QuoteStatus.FAILED, utcnow()
        quote.error_code, quote.error_message = job.error_code, job.error_message


_CARRY_OVER: dict[str, Callable[[UnitOfWork, JobRow, Exception], None]] = {
    **dict.fromkeys((SendEmail.name, SendBulkEmail.name, SendSms.name, Notify.name), _of_message),
    DeliverWebhook.name: _of_delivery,
    ExtractInvoice.name: _of_extraction,
    QuoteDocument.name: _of_quote,
}
