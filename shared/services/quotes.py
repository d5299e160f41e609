"""What reading a file would take and cost: asked, looked into by a worker, answered.

The API has no library that opens a document, so a quote is a row and a job like any other. A file that was sent for it
lies at `quotes/ID/source` until a worker has looked into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shared import media
from shared.adapters.s3 import S3Store
from shared.config import MIB, Limits
from shared.contracts import QuoteDocument
from shared.db.unit_of_work import Database
from shared.errors import Conflict, EmptyFile, FileTooLarge, NotFound, Permanent, UnsupportedMediaType
from shared.models import Document, Quote, utcnow
from shared.services.engines import Engines
from shared.services.options import DocumentOptions, clean_filename
from shared.values import DocumentStatus, QuoteStatus

QUOTED = "quotes/"
"""Where files lie that were sent for a quote alone."""

PRIORITY = 9
"""Of the jobs: somebody waits for the answer, and it takes a moment."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A quote to be made, as a worker sees it; `own_file` says that its file goes with it."""

    id: UUID
    account_id: UUID
    source_key: str
    options: DocumentOptions
    own_file: bool


class Quotes:
    """Quotes. Another account's id is as unknown as none."""

    def __init__(self, database: Database, store: S3Store, engines: Engines, limits: Limits) -> None:
        self._database = database
        self._store = store
        self._engines = engines
        self._limits = limits

    def of_file(
        self, account_id: UUID, filename: str, body: bytes, options: DocumentOptions, *, quote_id: UUID | None = None
    ) -> Quote:
        """Ask about a file that is sent for this alone; `quote_id` lets the caller repeat the request.

        Raises:
            EmptyFile, FileTooLarge, UnsupportedMediaType, InvalidFilename: the file is not one we read.
            UnknownEngine, EngineUnavailable, UnknownLanguage: the options can't be met here.
            StorageUnavailable, DatabaseUnavailable: try again.
        """
        self._engines.check(options.engine, options.languages)
        media_type = self._inspect(body)
        chosen = quote_id or uuid4()
        row = _quote(account_id, chosen, clean_filename(filename), f"{QUOTED}{chosen}/source", options)
        self._store.put(row.source_key, body, media_type)
        return self._queue(row)

    def of_document(
        self, account_id: UUID, document_id: UUID, options: DocumentOptions, *, quote_id: UUID | None = None
    ) -> Quote:
        """Ask about a document that is here.

        Raises:
            NotFound: this account has no such document.
            Conflict: it waits for its upload, or was cancelled before that came.
            UnknownEngine, EngineUnavailable, UnknownLanguage: the options can't be met here.
        """
        self._engines.check(options.engine, options.languages)
        query = select(Document).where(Document.id == document_id, Document.account_id == account_id)
        with self._database.read() as session:
            document = session.scalar(query)
        if document is None:
            message = "There is no such document in this account."
            raise NotFound(message)
        _check_file(document)
        row = _quote(account_id, quote_id or uuid4(), document.filename, document.source_key, options)
        row.document_id, row.password = document.id, options.password or document.password
        return self._queue(row)

    def get(self, account_id: UUID, quote_id: UUID) -> Quote:
        """Give one quote.

        Raises:
            NotFound: this account has none of that id, or has it no longer.
        """
        with self._database.read() as session:
            row = session.scalar(select(Quote).where(Quote.id == quote_id, Quote.account_id == account_id))
        if row is None:
            message = "There is no such quote in this account; they are kept for a day."
            raise NotFound(message)
        return row

    # --- as the worker sees it

    def asked(self, quote_id: UUID) -> Asked | None:
        """What is to be looked into; None where that is over, or the quote is gone."""
        with self._database.read() as session:
            row = session.get(Quote, quote_id)
        if row is None or row.status != QuoteStatus.QUEUED:
            return None
        options = DocumentOptions(**row.options, password=row.password)
        return Asked(row.id, row.account_id, row.source_key, options, own_file=row.document_id is None)

    def answer(self, asked: Asked, result: dict[str, Any]) -> None:
        """Keep what was found, as the API shows it."""
        self._end(asked, QuoteStatus.COMPLETED, result=result)

    def refuse(self, asked: Asked, error: Permanent) -> None:
        """Keep why the file can't be read."""
        self._end(asked, QuoteStatus.FAILED, error_code=error.code, error_message=error.detail)

    def _end(self, asked: Asked, status: QuoteStatus, **columns: Any) -> None:
        with self._database.write() as work:
            row = work.session.get(Quote, asked.id, with_for_update=True)
            if row is not None and row.status == QuoteStatus.QUEUED:
                for name, value in {**columns, "status": status, "completed_at": utcnow(), "password": None}.items():
                    setattr(row, name, value)
        if asked.own_file:
            self._store.delete_prefix(f"{QUOTED}{asked.id}/")

    def _queue(self, row: Quote) -> Quote:
        try:
            return self._store_with_job(row)
        except IntegrityError as error:
            # Another try of the same request was quicker, or the document was deleted meanwhile.
            with self._database.read() as session:
                there = session.get(Quote, row.id)
            if there is None:
                message = "The document was deleted while its quote was asked for."
                raise NotFound(message) from error
            return there

    def _store_with_job(self, row: Quote) -> Quote:
        with self._database.write() as work:
            there = work.session.get(Quote, row.id)
            if there is not None:
                return there
            work.session.add(row)
            work.session.flush()
            # Not a job of the document, whose failure would be the document's.
            work.send(QuoteDocument(quote_id=row.id), priority=PRIORITY, key=f"{QuoteDocument.name}:{row.id}")
        return row

    def _inspect(self, body: bytes) -> str:
        if not body:
            message = "The file is empty."
            raise EmptyFile(message)
        if len(body) > self._limits.max_direct_bytes:
            size = f"{self._limits.max_direct_bytes / MIB:g} MiB"
            message = f"The file is larger than the {size} taken here. Upload it, and ask with its document_id."
            raise FileTooLarge(message)
        media_type = media.sniff(body[: media.HEAD_BYTES])
        if media_type is None:
            message = f"The file is none we read, whatever its name says; send {media.SUPPORTED}."
            raise UnsupportedMediaType(message)
        return media_type


def _check_file(document: Document) -> None:
    if document.status == DocumentStatus.AWAITING_UPLOAD:
        message = "The document waits for its upload; ask again once its file is there."
        raise Conflict(message)
    if document.sha256 is None:
        message = f"The document is {document.status} and its file never came."
        raise Conflict(message)


def _quote(account_id: UUID, quote_id: UUID, filename: str, source_key: str, options: DocumentOptions) -> Quote:
    return Quote(
        id=quote_id,
        account_id=account_id,
        filename=filename,
        source_key=source_key,
        options=options.reading(),
        password=options.password,
        status=QuoteStatus.QUEUED,
        result={},
        created_at=utcnow(),
    )
