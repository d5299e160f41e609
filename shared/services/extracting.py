"""Fields are wanted: an extraction and its job, written in the transaction that somebody else began.

A document is locked before its extraction, by everybody.
"""

from __future__ import annotations

from uuid import UUID

from shared.contracts import ExtractInvoice
from shared.db.unit_of_work import UnitOfWork
from shared.models import Document, DocumentStatus, Extraction, JobRow, utcnow
from shared.services.restarts import restart_failed
from shared.values import ExtractionStatus

INVOICE = "invoice"
"""What `extract` says where fields are wanted."""

WITH_RESULT = frozenset({DocumentStatus.COMPLETED, DocumentStatus.PARTIAL})
"""Statuses of documents of which at least one page was read."""


def e_invoice_key(document_id: UUID) -> str:
    """Where the XML lies that an e-invoice carries: taken out when it was opened, for which its password was needed."""
    return f"documents/{document_id}/e-invoice.xml"


def queue(work: UnitOfWork, document: Document) -> Extraction:
    """Look for the fields of a document, which is locked and was read; once a generation, and again after a failure.

    From now on they are looked for again whenever it is read again.
    """
    document.extract = INVOICE
    row = work.session.get(Extraction, document.id, with_for_update=True)
    if row is not None and row.generation == document.generation and row.status != ExtractionStatus.FAILED:
        return row
    if row is None:
        row = Extraction(document_id=document.id)
        work.session.add(row)
    _begin_anew(row)
    row.generation, row.extractor, row.fields, row.micros, row.created_at = document.generation, None, {}, 0, utcnow()
    work.session.flush()
    key = f"{ExtractInvoice.name}:{document.id}:{document.generation}"
    if not restart_failed(work, key):
        job = ExtractInvoice(document_id=document.id)
        work.send(job, document_id=document.id, priority=document.priority, key=key)
    return row


def queue_if_asked(work: UnitOfWork, document: Document) -> None:
    """Look for the fields of a document, which is locked and has just got its final status, if somebody wants them."""
    if document.extract == INVOICE and document.status in WITH_RESULT:
        queue(work, document)


def ask(work: UnitOfWork, document: Document) -> None:
    """Somebody wants the fields of a document that is here already, and locked: now, or as soon as it is read."""
    document.extract = INVOICE
    queue_if_asked(work, document)


def give_up(work: UnitOfWork, job: JobRow) -> None:
    """Carry the failure of a job that looked for fields over to what it was for."""
    row = work.session.get(Extraction, job.document_id, with_for_update=True)
    if row is not None and row.status == ExtractionStatus.QUEUED:
        row.status, row.completed_at = ExtractionStatus.FAILED, utcnow()
        row.error_code, row.error_message = job.error_code, job.error_message


def put_back(work: UnitOfWork, job: JobRow) -> bool:
    """Make a failed extraction ready for its job, which goes back; False where it is not what the job is for."""
    row = work.session.get(Extraction, job.document_id, with_for_update=True)
    if row is None or row.status != ExtractionStatus.FAILED or not (job.key or "").endswith(f":{row.generation}"):
        return False
    _begin_anew(row)
    return True


def _begin_anew(row: Extraction) -> None:
    row.status = ExtractionStatus.QUEUED
    row.completed_at = row.error_code = row.error_message = None
