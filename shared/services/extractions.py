"""The fields of invoices and receipts: asked for, being looked for, found.

State first: the row and its job are written in the transaction in which the document gets its result, or in which
somebody asks for it later; see `extracting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from shared.db.unit_of_work import Database
from shared.errors import Conflict, NotFinal, NotFound, TwolaneError
from shared.models import Document, Extraction, Page, PageStatus, utcnow
from shared.services.extracting import INVOICE, WITH_RESULT, queue
from shared.services.ledger import DocumentGone
from shared.values import ExtractionStatus

FIRST_PAGES, LAST_PAGES = 10, 5
"""Of a long document only these are looked at: who sent an invoice and what it comes to stands there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes:
        extractor: which found it.
        fields: as the API shows them.
        micros: what others charged for it, in millionths of a dollar.
        fallback: why another extractor than the one that was to do it did.
    """

    extractor: str
    fields: dict[str, Any]
    micros: int = 0
    fallback: TwolaneError | None = None


class Extractions:
    """Extractions, as the API and the workers see them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account_id: UUID, document_id: UUID) -> Extraction:
        """Give what was found in a document, or how that failed.

        Raises:
            NotFound: this account has no such document, or nobody asked for its fields.
            NotFinal: it is being read, or they are being looked for.
            Conflict: it ended without a result.
        """
        with self._database.read() as session:
            document = _found(session.get(Document, document_id), account_id)
            row = session.get(Extraction, document_id)
        if document.extract != INVOICE:
            raise _not_asked(document_id)
        _check_read(document)
        if row is None:
            raise _not_asked(document_id)
        if row.status == ExtractionStatus.QUEUED:
            message = f"The fields are being looked for; wait with GET /v1/documents/{document_id}/invoice?wait=20."
            raise NotFinal(message)
        return row

    def start(self, account_id: UUID, document_id: UUID) -> Extraction:
        """Look for the fields of a document that was read; what is under way or found already stays.

        Raises:
            NotFound: this account has no such document.
            NotFinal: it is being read.
            Conflict: it ended without a result.
        """
        with self._database.write() as work:
            document = _found(work.session.get(Document, document_id, with_for_update=True), account_id)
            _check_read(document)
            return queue(work, document)

    def begin(self, document_id: UUID) -> Document:
        """Give a document whose fields are to be looked for.

        Raises:
            DocumentGone: they no longer are: it was deleted, is being read again, or somebody else found them.
        """
        with self._database.read() as session:
            document, row = session.get(Document, document_id), session.get(Extraction, document_id)
        if document is None or not _wanted(document, row):
            raise _gone(document_id)
        return document

    def pages(self, document_id: UUID) -> Sequence[Page]:
        """List the pages that were read, in order; of a long document the first and the last."""
        read = select(Page).where(Page.document_id == document_id, Page.status == PageStatus.DONE)
        with self._database.read() as session:
            first = session.scalars(read.order_by(Page.number).limit(FIRST_PAGES)).all()
            last = session.scalars(read.order_by(Page.number.desc()).limit(LAST_PAGES)).all()
        return sorted({page.number: page for page in (*last, *first)}.values(), key=lambda page: page.number)

    def finish(self, document: Document, outcome: Outcome) -> None:
        """Keep what was found in a document that `begin` gave.

        Raises:
            DocumentGone: nobody wants it any more, as with `begin`; nothing was written.
        """
        with self._database.write() as work:
            now = work.session.get(Document, document.id, with_for_update=True)
            row = work.session.get(Extraction, document.id, with_for_update=True)
            if now is None or row is None or now.generation != document.generation or not _wanted(now, row):
                raise _gone(document.id)
            row.status, row.completed_at = ExtractionStatus.COMPLETED, utcnow()
            row.extractor, row.fields, row.micros = outcome.extractor, outcome.fields, outcome.micros
            if outcome.fallback is not None:
                row.error_code, row.error_message = outcome.fallback.code, outcome.fallback.detail


def _wanted(document: Document, row: Extraction | None) -> bool:
    """Whether somebody waits for the fields of this document as it was read."""
    return (
        row is not None
        and row.status == ExtractionStatus.QUEUED
        and row.generation == document.generation
        and document.status in WITH_RESULT
    )


def _found(document: Document | None, account_id: UUID) -> Document:
    if document is None or document.account_id != account_id:
        message = "There is no such document in this account."
        raise NotFound(message)
    return document


def _check_read(document: Document) -> None:
    if not document.status.final:
        message = f"The document is {document.status}; wait for it with GET /v1/documents/{document.id}?wait=20."
        raise NotFinal(message)
    if document.status not in WITH_RESULT:
        reason = f": {document.error_message}" if document.error_message else "."
        message = f"The document is {document.status} and has no fields{reason}"
        raise Conflict(message)


def _not_asked(document_id: UUID) -> NotFound:
    how = f"do so with POST /v1/documents/{document_id}/invoice"
    return NotFound(f"Nobody has asked for the fields of this document; {how} once it is read.")


def _gone(document_id: UUID) -> DocumentGone:
    return DocumentGone(f"Nobody waits for the fields of the document {document_id} any more.")
