"""Documents that somebody wants to hear of together. When a batch is completed, `batch_endings` decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.adapters.outbound_guard import Guard
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import Conflict, NotFound, TwolaneError
from shared.models import OPEN, Batch, BatchDocument, Document, DocumentStatus
from shared.services import batch_endings, callbacks, cursors, extracting
from shared.services.documents import stop
from shared.services.engines import Engines
from shared.services.options import DocumentOptions
from shared.services.rereading import Plan, Rereading, Wish
from shared.services.submission import Announced, Submission, Upload, send_reading


@dataclass(frozen=True, slots=True)
class Item:
    """A document of a batch that was just made; `asked` is the one it was asked for by, None for an upload."""

    document_id: UUID
    asked: UUID | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A batch, and how many of its documents stand where; statuses that none has are left out."""

    batch: Batch
    counts: Mapping[DocumentStatus, int]


class Batches:
    """Batches of an account. Another account's id is as unknown as none.

    Args:
        database: where everything is.
        submission: makes documents.
        rereading: finds or makes the readings that are asked for of documents that are here.
        engines: which there are.
        guard: which addresses are called from here.
    """

    def __init__(
        self, database: Database, submission: Submission, rereading: Rereading, engines: Engines, guard: Guard
    ) -> None:
        self._guard = guard
        self._database = database
        self._submission = submission
        self._rereading = rereading
        self._engines = engines

    def of_documents(
        self,
        account_id: UUID,
        document_ids: Sequence[UUID],
        named: Mapping[str, Any],
        *,
        force: bool = False,
        batch_id: UUID | None = None,
    ) -> tuple[UUID, Sequence[Item]]:
        """Group documents that are here; what was asked for with other options than they have is read anew.

        Args:
            account_id: whose.
            document_ids: which; one that is named twice is meant once.
            named: the options that were named, checked; every other one stays as each document has it.
            force: read each anew, whatever was read before.
            batch_id: the id of the batch, where the caller must be able to repeat the request.

        Returns:
            The batch, and the document that stands in it for each that was named.

        Raises:
            NotFound: some are not there; `errors` names them.
            Conflict: some can't be read with other options; or they change while this is done.
            UnknownEngine, EngineUnavailable, UnknownLanguage, UrlNotAllowed: the options can't be met here.
        """
        url = named.get("callback_url")
        checked = {} if url is None else {"callback_url": self._guard.read(url).url}
        wish = Wish({**named, **checked}, force)
        asked = list(dict.fromkeys(document_ids))
        chosen = batch_id or uuid4()
        try:
            return chosen, self._group(account_id, asked, wish, chosen)
        except IntegrityError:
            pass  # another request made the same reading meanwhile: now it is found
        try:
            return chosen, self._group(account_id, asked, wish, chosen)
        except IntegrityError as error:
            message = "Other requests change these documents just now; send the batch again."
            raise Conflict(message) from error

    def of_uploads(
        self,
        account_id: UUID,
        uploads: Sequence[tuple[str, str, int]],
        options: DocumentOptions,
        *,
        force: bool = False,
        batch_id: UUID | None = None,
    ) -> tuple[UUID, Sequence[Item]]:
        """Announce files, all with the same options; `forms` gives what takes them.

        Args:
            account_id: whose.
            uploads: name, media type and size in bytes of each.
            options: for all of them.
            force: read each, whatever was read before.
            batch_id: the id of the batch, where the caller must be able to repeat the request.

        Raises:
            EmptyFile, FileTooLarge, UnsupportedMediaType, InvalidFilename: one is not taken; `errors` names it.
            UnknownEngine, EngineUnavailable, UnknownLanguage, UrlNotAllowed: the options can't be met here.
        """
        chosen = batch_id or uuid4()
        self._engines.check(options.engine, options.languages)
        documents = [
            self._awaited(account_id, number, Upload(*upload), options, uuid5(chosen, str(number)))
            for number, upload in enumerate(uploads)
        ]
        for document in documents:
            document.forced = force
        ids = [document.id for document in documents]
        with self._database.write() as work:
            if work.session.get(Batch, chosen) is None:
                work.session.add_all(documents)
                work.session.flush()
                _add(work, account_id, chosen, ids)
        return chosen, [Item(document_id, None) for document_id in ids]

    def forms(self, account_id: UUID, document_ids: Sequence[UUID]) -> Mapping[UUID, Announced]:
        """New forms for those of the documents that wait for their bytes."""
        waiting = Document.status == DocumentStatus.AWAITING_UPLOAD
        query = select(Document).where(Document.account_id == account_id, Document.id.in_(document_ids), waiting)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        return {row.id: self._submission.form(row) for row in rows}

    def get(self, account_id: UUID, batch_id: UUID) -> Standing:
        """Give one batch.

        Raises:
            NotFound: this account has none of that id.
        """
        with self._database.read() as session:
            batch = _found(session.scalar(_own(account_id, batch_id)))
            return Standing(batch, batch_endings.counts(session, [batch_id])[batch_id])

    def documents(self, batch_id: UUID, limit: int, cursor: str | None) -> tuple[Sequence[Document], str | None]:
        """List the documents of a batch in the order they were named, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        after = -1 if cursor is None else cursors.decode_position(cursor)
        query = (
            select(Document, BatchDocument.position)
            .join(BatchDocument, BatchDocument.document_id == Document.id)
            .where(BatchDocument.batch_id == batch_id, BatchDocument.position > after)
            .order_by(BatchDocument.position)
            .limit(limit + 1)
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
        more = len(rows) > limit
        return [row for row, _ in rows[:limit]], cursors.encode_position(rows[limit - 1][1]) if more else None

    def list(self, account_id: UUID, limit: int, cursor: str | None) -> tuple[Sequence[Standing], str | None]:
        """List batches, newest first, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = select(Batch).where(Batch.account_id == account_id)
        if cursor is not None:
            created_at, last_id = cursors.decode(cursor)
            earlier = and_(Batch.created_at == created_at, Batch.id < last_id)
            query = query.where(or_(Batch.created_at < created_at, earlier))
        query = query.order_by(Batch.created_at.desc(), Batch.id.desc()).limit(limit + 1)
        with self._database.read() as session:
            rows = session.scalars(query).all()
            counts = batch_endings.counts(session, [row.id for row in rows])
        more = len(rows) > limit
        last = cursors.encode(rows[limit - 1].created_at, rows[limit - 1].id) if more else None
        return [Standing(row, counts[row.id]) for row in rows[:limit]], last

    def cancel(self, account_id: UUID, batch_id: UUID) -> Standing:
        """Stop reading every document of a batch that is not final; pages already read stay.

        Raises:
            NotFound: this account has no such batch.
            Conflict: all of them are final.
        """
        with self._database.write() as work:
            _found(work.session.scalar(_own(account_id, batch_id)))
            ids = select(BatchDocument.document_id).where(BatchDocument.batch_id == batch_id)
            # In order: whoever locks several documents does so, and nobody deadlocks.
            open_ones = select(Document).where(Document.id.in_(ids), Document.status.in_(OPEN)).order_by(Document.id)
            rows = work.session.scalars(open_ones.with_for_update()).all()
            if not rows:
                message = "Every document of this batch is final; there is nothing to cancel."
                raise Conflict(message)
            for row in rows:
                stop(work, row)
        return self.get(account_id, batch_id)

    def _awaited(
        self, account_id: UUID, number: int, upload: Upload, options: DocumentOptions, document_id: UUID
    ) -> Document:
        try:
            return self._submission.awaited(account_id, upload, options, document_id)
        except TwolaneError as error:
            error.errors = error.errors or [{"field": f"uploads.{number}", "message": error.detail}]
            raise

    def _group(self, account_id: UUID, asked: Sequence[UUID], wish: Wish, batch_id: UUID) -> Sequence[Item]:
        plan = self._rereading.plan(account_id, asked, wish, batch_id)
        stored = False
        try:
            with self._database.write() as work:
                if work.session.get(Batch, batch_id) is None:
                    self._store(work, account_id, plan, wish, batch_id)
                    stored = True
        except (IntegrityError, Conflict):
            self._rereading.discard(plan)
            raise
        if not stored:
            self._rereading.discard(plan)
        return [Item(document_id, one) for one, document_id in plan.instead.items()]

    def _store(self, work: UnitOfWork, account_id: UUID, plan: Plan, wish: Wish, batch_id: UUID) -> None:
        fresh = {document.id for document in plan.new}
        here = [document_id for document_id in plan.documents if document_id not in fresh]
        _lock(work.session, account_id, here)
        work.session.add_all(plan.new)
        work.session.flush()
        for document_id in here:
            self._ask(work, document_id, wish)
        _add(work, account_id, batch_id, plan.documents)
        for document in plan.new:
            send_reading(work, document)

    @staticmethod
    def _ask(work: UnitOfWork, document_id: UUID, wish: Wish) -> None:
        """What was asked for beside a reading, of a document that is here and locked."""
        if wish.callback_url is not None:
            callbacks.ask(work, document_id, wish.callback_url)
        if wish.named.get("extract") == extracting.INVOICE:
            extracting.ask(work, work.session.get_one(Document, document_id))


def _add(work: UnitOfWork, account_id: UUID, batch_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Write a batch of documents that are locked, or made in this transaction."""
    work.session.add(Batch(id=batch_id, account_id=account_id))
    work.session.flush()
    work.session.add_all(
        BatchDocument(batch_id=batch_id, document_id=document_id, position=position)
        for position, document_id in enumerate(document_ids)
    )
    batch_endings.left(work, [batch_id])


def _lock(session: Session, account_id: UUID, document_ids: Sequence[UUID]) -> None:
    """Lock documents, in order: none of them ends between the look at it and the commit of its batch.

    Raises:
        Conflict: one was deleted meanwhile.
    """
    query = select(Document.id).where(Document.id.in_(document_ids), Document.account_id == account_id)
    there = set(session.scalars(query.order_by(Document.id).with_for_update()))
    if len(there) < len(document_ids):
        message = "A document of the batch was deleted while the batch was made; send it again without that."
        raise Conflict(message)


def _own(account_id: UUID, batch_id: UUID) -> Select[Batch]:
    return select(Batch).where(Batch.id == batch_id, Batch.account_id == account_id)


def _found(batch: Batch | None) -> Batch:
    if batch is None:
        message = "There is no such batch in this account."
        raise NotFound(message)
    return batch
