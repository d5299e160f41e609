"""What an account had read already is not read again: its pages are taken from the document they were read for.

The same bytes with the same options in one request are one document (`submission`). An upload that lands in the store,
or a document of a batch, has an id its client knows already: it stays a document of its own, with copies of the pages.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID, uuid4

from sqlalchemy import Uuid, insert, literal, null, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database
from shared.errors import ObjectMissing
from shared.models import Document, DocumentStatus, Page
from shared.services.extracting import e_invoice_key
from shared.services.ledger import gone
from shared.services.options import DocumentOptions
from shared.values import DocumentFlag

_AS_THEY_ARE = (
    *("number", "status", "width", "height", "dpi", "text", "confidence", "engine", "source", "duration_ms"),
    *("word_count", "words_key", "words_offset", "words_length", "attempts"),
)
_COST_NOTHING = ("cpu_ms", "peak_kb", "micros")


class Reuse:
    """Takes pages over.

    Args:
        database: where the ledgers are.
        store: where the words are.
    """

    def __init__(self, database: Database, store: S3Store) -> None:
        self._database = database
        self._store = store

    def adopt(self, document: Document) -> bool:
        """Fill the ledger of a document that nobody has opened yet from one with the same bytes and options.

        Safe to repeat. Words are copied before the rows that point at them are written, under names of their own: the
        earlier document may be deleted.

        Returns:
            Whether there was one; else the document has to be read, as one always has that is to be read by force.

        Raises:
            DocumentGone: the document was cancelled or deleted meanwhile.
            StorageUnavailable: try again.
        """
        # Who has its content key was read for it, or is to be; nobody else can have the key then.
        if document.forced or document.content_key is not None or document.pages_total is not None:
            return False
        earlier = self._earlier(document)
        if earlier is None:
            return False
        try:
            copies = self._copy_words(earlier.id, document.id)
        except ObjectMissing:
            return False  # deleted meanwhile
        self._copy_e_invoice(earlier, document)
        with self._database.write() as work:
            return _take_over(work.session, earlier, document, copies)

    def _earlier(self, document: Document) -> Document | None:
        options = DocumentOptions(**document.options, password=document.password)
        query = select(Document).where(
            Document.account_id == document.account_id,
            Document.content_key == options.content_key(document.sha256 or ""),
            Document.status == DocumentStatus.COMPLETED,
        )
        with self._database.read() as session:
            return session.scalar(query)

    def _copy_words(self, earlier: UUID, document: UUID) -> dict[str, str]:
        query = select(Page.words_key).where(Page.document_id == earlier, Page.words_key.is_not(None)).distinct()
        with self._database.read() as session:
            keys = [key for key in session.scalars(query) if key]
        copies = {key: f"documents/{document}/words/reused-{uuid4().hex[:8]}.json" for key in keys}
        for key, copy in copies.items():
            self._store.copy(key, copy)
        return copies

    def _copy_e_invoice(self, earlier: Document, document: Document) -> None:
        if DocumentFlag.E_INVOICE in earlier.flags:
            with suppress(ObjectMissing):  # one that could not be taken out
                self._store.copy(e_invoice_key(earlier.id), e_invoice_key(document.id))


def _take_over(session: Session, earlier: Document, document: Document, copies: dict[str, str]) -> bool:
    """Write the ledger, once; False where the earlier document has no pages any more."""
    row = session.get(Document, document.id, with_for_update=True)
    if row is None or row.status != DocumentStatus.PROCESSING:
        raise gone(document.id)
    if row.pages_total is not None:
        return True
    pages = session.execute(_inserted(earlier.id, document.id)).all()
    if len(pages) != earlier.pages_total:
        session.rollback()
        return False
    for key, copy in copies.items():
        of_key = (Page.document_id == document.id, Page.words_key == key)
        session.execute(update(Page).where(*of_key).values(words_key=copy))
    row.page_count, row.flags = earlier.page_count, earlier.flags
    row.pages_total = row.pages_done = len(pages)
    return True


def _inserted(earlier: UUID, document: UUID) -> ReturningInsert[tuple[int]]:
    same = [getattr(Page, name) for name in _AS_THEY_ARE]
    found = select(
        literal(document, Uuid()), literal(earlier, Uuid()), *(literal(0) for _ in _COST_NOTHING), null(), *same
    ).where(Page.document_id == earlier)
    columns = ["document_id", "reused_from", *_COST_NOTHING, "chunk", *_AS_THEY_ARE]
    return insert(Page).from_select(columns, found).returning(Page.number)
