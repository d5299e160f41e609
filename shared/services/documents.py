"""What an account can do with its documents once they are in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import Conflict, NotFound, TwolaneError
from shared.models import FINAL, OPEN, Document, DocumentStatus, JobRow, JobStatus, Page, PageStatus, utcnow
from shared.services import announcing, batch_endings, cursors, dead_letters, search
from shared.services.submission import UPLOADS, send_reading
from shared.values import Filter


class Documents:
    """Documents of an account. Another account's id is as unknown as none."""

    def __init__(self, database: Database, store: S3Store) -> None:
        self._database = database
        self._store = store

    def get(self, account_id: UUID, document_id: UUID) -> Document:
        """Give one document.

        Raises:
            NotFound: this account has none of that id.
        """
        with self._database.read() as session:
            return _found(session.scalar(_own(account_id, document_id)))

    def list(
        self, account_id: UUID, which: Filter, limit: int, cursor: str | None
    ) -> tuple[Sequence[Document], str | None]:
        """List documents, newest first, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours, or `q` asks for nothing.
        """
        query = select(Document).where(Document.account_id == account_id, *_conditions(which, self._database.dialect))
        if cursor is not None:
            created_at, last_id = cursors.decode(cursor)
            earlier = and_(Document.created_at == created_at, Document.id < last_id)
            query = query.where(or_(Document.created_at < created_at, earlier))
        query = query.order_by(Document.created_at.desc(), Document.id.desc()).limit(limit + 1)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        more = len(rows) > limit
        return rows[:limit], cursors.encode(rows[limit - 1].created_at, rows[limit - 1].id) if more else None

    def pages(self, account_id: UUID, document_id: UUID, after: int, limit: int) -> Sequence[Page]:
        """List the pages that are final, in order, from the page after `after`.

        Raises:
            NotFound: this account has no such document.
        """
        query = (
            select(Page)
            .where(Page.document_id == document_id, Page.number > after, Page.status != PageStatus.PENDING)
            .order_by(Page.number)
            .limit(limit)
        )
        with self._database.read() as session:
            _found(session.scalar(_own(account_id, document_id)))
            return session.scalars(query).all()

    def words(self, page: Page) -> bytes:
        """Give a page's words as JSON, `[{text, confidence, box}]`."""
        if not page.words_key or not page.words_length:
            return b"[]"
        return self._store.get(page.words_key, (page.words_offset or 0, page.words_length))

    def delete(self, account_id: UUID, document_id: UUID) -> None:
        """Remove a document with its pages, jobs and files. Whoever is reading it stops at the next page.

        The files go first: if the store fails, the document is still there and can be deleted again.

        Raises:
            NotFound: this account has no such document.
            StorageUnavailable: its files could not be deleted; try again.
        """
        self.get(account_id, document_id)
        prefixes = (f"documents/{document_id}/", f"{UPLOADS}{document_id}/")
        for prefix in prefixes:
            self._store.delete_prefix(prefix)
        with self._database.write() as work:
            # Locked before its batches are looked at: none is made of it in between.
            work.session.scalar(select(Document.id).where(Document.id == document_id).with_for_update())
            batches = batch_endings.of_document(work.session, document_id)
            work.session.execute(delete(Document).where(Document.id == document_id, Document.account_id == account_id))
            batch_endings.left(work, batches)
        # A reader may have written between the two; without its row it writes no more.
        self._store.delete_prefix(prefixes[0])

    def cancel(self, account_id: UUID, document_id: UUID) -> Document:
        """Stop reading a document; pages already read stay.

        Raises:
            NotFound: this account has no such document.
            Conflict: it is final already.
        """
        with self._database.write() as work:
            row = _found(work.session.scalar(_own(account_id, document_id).with_for_update()))
            if row.status not in OPEN:
                message = f"The document is {row.status}; only one that is not final can be cancelled."
                raise Conflict(message)
            stop(work, row)
        return row

    def retry(self, account_id: UUID, document_id: UUID) -> Document:
        """Read again what is not read: failed pages, and pages a cancelled document did not get to.

        Raises:
            NotFound: this account has no such document.
            Conflict: it is still being read, or there is nothing to read again.
        """
        with self._database.write() as work:
            row = _found(work.session.scalar(_own(account_id, document_id).with_for_update()))
            reopen(work, row)
        return row


def stop(work: UnitOfWork, row: Document) -> None:
    """Cancel a document that is locked and open, and its jobs."""
    row.status, row.completed_at = DocumentStatus.CANCELLED, utcnow()
    work.session.execute(
        update(JobRow)
        .where(JobRow.document_id == row.id, JobRow.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]))
        .values(status=JobStatus.CANCELLED, lease_token=None, lease_until=None, finished_at=utcnow())
    )
    announcing.announce(work, row)


def reopen(work: UnitOfWork, row: Document, refusal: type[TwolaneError] = Conflict) -> None:
    """Put failed and unread pages back and queue the document, which is locked, for one more generation.

    Raises:
        refusal: it is still being read, there is nothing to read again, or its file never came.
    """
    if row.status not in FINAL - {DocumentStatus.COMPLETED}:
        raise refusal(f"The document is {row.status}; only a partial, failed or cancelled one can be read again.")
    if row.sha256 is None:
        raise refusal(f"The document is {row.status} and its file never came; announce it again, and upload it.")
    work.session.execute(
        update(Page)
        .where(Page.document_id == row.id, Page.status == PageStatus.FAILED)
        .values(status=PageStatus.PENDING, error_code=None, error_message=None)
    )
    work.session.execute(
        update(Page).where(Page.document_id == row.id, Page.status == PageStatus.PENDING).values(chunk=None)
    )
    done = select(Page.number).where(Page.document_id == row.id, Page.status == PageStatus.DONE)
    row.pages_done = len(work.session.scalars(done).all())
    row.generation += 1
    row.status, row.completed_at = DocumentStatus.QUEUED, None
    row.error_code = row.error_message = None
    dead_letters.settle_document(work.session, row.id)
    send_reading(work, row)


def _own(account_id: UUID, document_id: UUID) -> Select[Document]:
    return select(Document).where(Document.id == document_id, Document.account_id == account_id)


def _found(document: Document | None) -> Document:
    if document is None:
        message = "There is no such document in this account."
        raise NotFound(message)
    return document


def _conditions(which: Filter, dialect: str) -> list[ColumnElement[bool]]:
    conditions = [] if which.q is None else search.conditions(which.q, dialect)
    if which.status is not None:
        conditions.append(Document.status == which.status)
    if which.created_after is not None:
        conditions.append(Document.created_at >= which.created_after)
    if which.created_before is not None:
        conditions.append(Document.created_at < which.created_before)
    return conditions
