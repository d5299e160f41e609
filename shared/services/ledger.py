"""The page ledger: which pages a document has, which are final, and who closes it.

Each page's row is written once as pending and once as done or failed, by conditional UPDATEs, so a page that is read
twice counts once. The document's `pages_done` moves in the same transaction; whoever moves it to `pages_total` closes
the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Select, and_, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from shared.contracts import OcrPages
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import TwolaneError
from shared.models import Document, DocumentStatus, Page, PageStatus, utcnow
from shared.services import announcing, dead_letters, extracting
from shared.services.dead_letters import ANSWERS
from shared.services.verdict import Summary, one_of, verdict
from shared.values import DocumentFlag

_ADDED = ("cpu_ms", "micros")
"""What pages cost, in all."""

BATCH = 64
"""Pages taken from the ledger at a time."""


class DocumentGone(TwolaneError):
    """The document was cancelled, deleted or closed while it was read: stop, quietly."""

    code = "document_gone"
    status = 409


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page that was read, as the ledger keeps it; words lie at `words_key[words_offset:][:words_length]`."""

    number: int
    width: int
    height: int
    dpi: int
    text: str
    confidence: float | None
    engine: str | None
    source: str
    duration_ms: int
    word_count: int
    words_key: str
    words_offset: int
    words_length: int
    attempts: list[dict[str, Any]]
    cpu_ms: int
    peak_kb: int
    micros: int


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that can't be read, why, and what finding that out took."""

    number: int
    error_code: str
    error_message: str
    attempts: list[dict[str, Any]] = field(default_factory=list)
    cpu_ms: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the document's pages are final."""

    done: int
    total: int

    @property
    def complete(self) -> bool:
        """Every page is final."""
        return self.done >= self.total


class Ledger:
    """The ledger, as the workers see it. Every call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, document_id: UUID) -> Document:
        """Mark a document as being read.

        Raises:
            DocumentGone: it is final or deleted.
        """
        with self._database.write() as work:
            row = work.session.get(Document, document_id, with_for_update=True)
            if row is None or row.status not in {DocumentStatus.QUEUED, DocumentStatus.PROCESSING}:
                raise gone(document_id)
            row.status = DocumentStatus.PROCESSING
            row.started_at = row.started_at or utcnow()
        return row

    def get(self, document_id: UUID) -> Document:
        """Give a document that is being read.

        Raises:
            DocumentGone: it is final or deleted.
        """
        with self._database.read() as session:
            row = session.get(Document, document_id)
        if row is None or row.status != DocumentStatus.PROCESSING:
            raise gone(document_id)
        return row

    def exists(self, document_id: UUID) -> bool:
        """Tell whether there still is such a document."""
        with self._database.read() as session:
            return session.scalar(select(Document.id).where(Document.id == document_id)) is not None

    def open(
        self, document_id: UUID, page_count: int, numbers: Sequence[int], flags: Collection[DocumentFlag] = ()
    ) -> Progress:
        """Write the ledger, once.

        Args:
            document_id: whose.
            page_count: pages in the file.
            numbers: the pages to read, ascending.
            flags: what else the file is.

        Raises:
            DocumentGone: the document is final or deleted.
        """
        with self._database.write() as work:
            row = work.session.get(Document, document_id, with_for_update=True)
            if row is None or row.status != DocumentStatus.PROCESSING:
                raise gone(document_id)
            if row.pages_total is None:
                row.page_count, row.pages_total = page_count, len(numbers)
                row.flags = sorted(flag.value for flag in flags)
                pending = {"document_id": document_id, "status": PageStatus.PENDING}
                work.session.execute(insert(Page), [{**pending, "number": number} for number in numbers])
            return Progress(row.pages_done, row.pages_total)

    def pending(self, document_id: UUID, chunk: int | None = None) -> Sequence[int]:
        """List the pages still to be read, ascending: those of a chunk, or those of none."""
        with self._database.read() as session:
            return session.scalars(_pending(document_id, chunk)).all()

    def fan_out(self, document: Document, chunks: Sequence[Sequence[int]]) -> None:
        """Give pages to chunks, named by their first page, and send a job for each.

        A page that has its chunk keeps it, so that fanning out again changes nothing.

        Raises:
            DocumentGone: the document is final or deleted.
        """
        with self._database.write() as work:
            row = work.session.get(Document, document.id, with_for_update=True)
            if row is None or row.status != DocumentStatus.PROCESSING:
                raise gone(document.id)
            free = set(work.session.scalars(_pending(row.id, None)))
            for numbers in chunks:
                _send_chunk(work, row, [number for number in numbers if number in free])

    def save(self, document_id: UUID, read: Sequence[ReadPage], failed: Sequence[FailedPage] = ()) -> Progress:
        """Write pages as final and count those that were not final before.

        Raises:
            DocumentGone: the document was cancelled, deleted or closed meanwhile; nothing was written.
        """
        with self._database.write() as work:
            _lock(work.session, document_id)
            written = _write(work.session, document_id, PageStatus.DONE, [asdict(page) for page in read])
            written += _write(work.session, document_id, PageStatus.FAILED, [asdict(page) for page in failed])
            return count_final(work.session, document_id, written)

    def finals(self, document_id: UUID) -> Iterator[Page]:
        """Give every page in order, a batch at a time, so that memory does not grow with the document."""
        after = 0
        while True:
            query = select(Page).where(Page.document_id == document_id, Page.number > after)
            with self._database.read() as session:
                rows = session.scalars(query.order_by(Page.number).limit(BATCH)).all()
            if not rows:
                return
            yield from rows
            after = rows[-1].number

    def summary(self, document_id: UUID) -> Summary:
        """Add up how a document's pages ended. Confidence is the mean over pages, weighted by their words."""
        of_document = Page.document_id == document_id
        words = func.sum(Page.word_count).filter(Page.confidence.is_not(None))
        with self._database.read() as session:
            failed = session.execute(
                select(Page.number, Page.error_code, Page.error_message)
                .where(of_document, Page.status == PageStatus.FAILED)
                .order_by(Page.number)
            ).all()
            total, weighted, weight = session.execute(
                select(func.count(), func.sum(Page.confidence * Page.word_count), words).where(of_document)
            ).one()
            kinds = session.execute(select(Page.source, Page.engine).where(of_document).distinct()).all()
        return Summary(
            failed=[(number, code or "", message or "") for number, code, message in failed],
            total=total,
            confidence=(weighted or 0) / weight if weight else None,
            sources=frozenset(source for source, _ in kinds if source),
            engines=frozenset(engine for _, engine in kinds if engine),
        )

    def close(self, document_id: UUID, summary: Summary) -> bool:
        """Give a document its final status; once: False where it was final or gone already."""
        status, error = verdict(summary)
        values: dict[str, Any] = {
            "status": status,
            "completed_at": utcnow(),
            "confidence": summary.confidence,
            "text_source": one_of(summary.sources),
            "engine": one_of(summary.engines),
            "error_code": error[0] if error else None,
            "error_message": error[1] if error else None,
        }
        if status == DocumentStatus.COMPLETED:
            values["password"] = None
        with self._database.write() as work:
            row = work.session.get(Document, document_id, with_for_update=True)
            if row is None or row.status != DocumentStatus.PROCESSING:
                return False
            for name, value in values.items():
                setattr(row, name, value)
            extracting.queue_if_asked(work, row)
            announcing.announce(work, row)
            if any(code not in ANSWERS for _, code, _ in summary.failed):
                dead_letters.enter_document(work.session, row)
        return True


def _lock(session: Session, document_id: UUID) -> None:
    """Lock a document before its pages, as everybody does who changes both.

    Raises:
        DocumentGone: it is not being read.
    """
    processing = and_(Document.id == document_id, Document.status == DocumentStatus.PROCESSING)
    if session.scalar(select(Document.id).where(processing).with_for_update()) is None:
        raise gone(document_id)


def _pending(document_id: UUID, chunk: int | None) -> Select[int]:
    return (
        select(Page.number)
        .where(Page.document_id == document_id, Page.status == PageStatus.PENDING, Page.chunk == chunk)
        .order_by(Page.number)
    )


def _send_chunk(work: UnitOfWork, document: Document, numbers: Sequence[int]) -> None:
    if not numbers:
        return
    chunk = numbers[0]
    work.session.execute(
        update(Page).where(Page.document_id == document.id, Page.number.in_(numbers)).values(chunk=chunk)
    )
    work.send(
        OcrPages(document_id=document.id, chunk=chunk),
        document_id=document.id,
        priority=document.priority,
        key=f"{OcrPages.name}:{document.id}:{document.generation}:{chunk}",
    )


def _write(session: Session, document_id: UUID, status: PageStatus, rows: list[dict[str, Any]]) -> int:
    """Write rows that are still pending; return how many were.

    What a page took is added to what it took before, where it failed once and is read again.
    """
    if not rows:
        return 0
    table = Page.__table__
    values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "number"}
    values |= {name: func.coalesce(table.c[name], 0) + bindparam(name) for name in _ADDED}
    statement = (
        update(Page)
        .where(
            table.c.document_id == document_id,
            table.c.number == bindparam("page_number"),
            table.c.status == PageStatus.PENDING,
        )
        .values({"status": status, **values})
    )
    bound = [{**row, "page_number": row["number"]} for row in rows]
    result = session.connection().execute(statement, bound)
    return _rows(result)


def _rows(result: CursorResult[Any]) -> int:
    return result.rowcount


def count_final(session: Session, document_id: UUID, written: int) -> Progress:
    """Count pages that were just written as final, in the same transaction.

    Raises:
        DocumentGone: the document is not being read.
    """
    row = session.execute(
        update(Document)
        .where(Document.id == document_id, Document.status == DocumentStatus.PROCESSING)
        .values(pages_done=Document.pages_done + written)
        .returning(Document.pages_done, Document.pages_total)
    ).first()
    if row is None:
        raise gone(document_id)
    return Progress(row.pages_done, row.pages_total or 0)


def gone(document_id: UUID) -> DocumentGone:
    """The error for a document that is not being read."""
    return DocumentGone(f"The document {document_id} is no longer being read.")
