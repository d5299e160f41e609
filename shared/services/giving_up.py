"""What a job that is given up means for its document."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.contracts import OcrClose, OcrDocument
from shared.db.unit_of_work import UnitOfWork
from shared.models import Document, DocumentStatus, JobRow, Page, PageStatus, utcnow
from shared.services.ledger import count_final


def give_up(work: UnitOfWork, job: JobRow) -> None:
    """Carry the failure of a job that is given up over to its document.

    Pages it still had to read fail with its error; the others stay. Where that makes the ledger complete the document
    is closed by a job of its own, because outputs are assembled by workers alone. A document that could not even be
    opened, or closed, fails as a whole.
    """
    if job.document_id is None:
        return
    document = work.session.get(Document, job.document_id, with_for_update=True)
    if document is None or document.status not in {DocumentStatus.QUEUED, DocumentStatus.PROCESSING}:
        return
    if document.pages_total is None or job.name == OcrClose.name:
        document.status, document.completed_at = DocumentStatus.FAILED, utcnow()
        document.error_code, document.error_message = job.error_code, job.error_message
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
