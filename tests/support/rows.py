"""Rows to begin with."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select

from shared.contracts import Job, Ping
from shared.db.unit_of_work import Database
from shared.models import Account, Base, Document, DocumentStatus, EventRow, JobRow, MessageRow, OutboxRow, utcnow
from shared.services.ledger import ReadPage
from shared.services.options import DocumentOptions
from shared.values import MessageKind


class Rows:
    """Writes rows that a test starts from, and looks at what became of them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def account(self) -> UUID:
        """Add an account."""
        row = Account(name=uuid4().hex)
        self._add(row)
        return row.id

    def document(
        self,
        account_id: UUID | None = None,
        status: DocumentStatus = DocumentStatus.QUEUED,
        **columns: Any,
    ) -> Document:
        """Add a document, of an account of its own where none is given; without a job."""
        document_id = uuid4()
        given: dict[str, Any] = {
            "id": document_id,
            "account_id": account_id or self.account(),
            "status": status,
            "filename": "letter.png",
            "media_type": "image/png",
            "size_bytes": 8,
            "sha256": "0" * 64,
            "source_key": f"documents/{document_id}/source",
            "options": DocumentOptions().reading(),
            "user_metadata": {},
        }
        row = Document(**(given | columns))
        self._add(row)
        return row

    def job(self, message: Job | None = None, *, document_id: UUID | None = None, **columns: Any) -> UUID:
        """Add a queued job whose message has left already."""
        message = message or Ping()
        given: dict[str, Any] = {
            "name": message.name,
            "queue": message.queue,
            "payload": message.model_dump(mode="json"),
            "document_id": document_id,
        }
        row = JobRow(**(given | columns))
        self._add(row)
        return row.id

    def message(self, kind: MessageKind = MessageKind.EMAIL, **columns: Any) -> UUID:
        """Add a message of an account of its own; without a job."""
        given: dict[str, Any] = {"kind": kind, "recipient": "somebody@example.com", "content": {}}
        given["account_id"] = columns.get("account_id") or self.account()
        row = MessageRow(**(given | columns))
        self._add(row)
        return row.id

    def event(self, **columns: Any) -> UUID:
        """Add an event of an account of its own that the bus has."""
        given: dict[str, Any] = {"type": "document.completed", "version": 1, "subject": uuid4(), "data": {}}
        given |= {"account_id": columns.get("account_id") or self.account(), "published_at": utcnow()}
        row = EventRow(**(given | columns))
        self._add(row)
        return row.id

    def get_document(self, document_id: UUID) -> Document:
        """Read a document that exists."""
        with self.database.read() as session:
            return session.get_one(Document, document_id)

    def get_job(self, job_id: UUID) -> JobRow:
        """Read a job that exists."""
        with self.database.read() as session:
            return session.get_one(JobRow, job_id)

    def jobs(self, name: str | None = None) -> list[JobRow]:
        """Read every job, or those of a name, oldest first."""
        query = select(JobRow).order_by(JobRow.created_at, JobRow.id)
        with self.database.read() as session:
            return [row for row in session.scalars(query) if name in {None, row.name}]

    def outbox(self) -> list[OutboxRow]:
        """Read the outbox."""
        with self.database.read() as session:
            return list(session.scalars(select(OutboxRow).order_by(OutboxRow.created_at, OutboxRow.id)))

    def count(self, table: type[Base]) -> int:
        """Count the rows of a table."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def change(self, row: type[Base], row_id: UUID | str, **columns: Any) -> None:
        """Set columns of a row, such as a time that is long past."""
        with self.database.write() as work:
            found = work.session.get_one(row, row_id)
            for name, value in columns.items():
                setattr(found, name, value)

    def _add(self, row: Base) -> None:
        with self.database.write() as work:
            work.session.add(row)


def read_page(number: int, **columns: Any) -> ReadPage:
    """A page as a reader hands it over."""
    given: dict[str, Any] = {
        "width": 1000,
        "height": 1400,
        "dpi": 300,
        "text": f"page {number}",
        "confidence": 0.9,
        "engine": "tesseract",
        "source": "ocr",
        "duration_ms": 10,
        "word_count": 2,
        "words_key": "words",
        "words_offset": 0,
        "words_length": 2,
        "attempts": [],
        "cpu_ms": 8,
        "peak_kb": 50_000,
        "micros": 0,
    }
    return ReadPage(number=number, **(given | columns))
