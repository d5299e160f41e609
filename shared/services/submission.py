"""A document comes in: at once with its bytes, or announced first and uploaded by the client."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import media
from shared.adapters.outbound_guard import Guard
from shared.adapters.s3 import S3Store, UploadForm
from shared.config import MIB, Limits
from shared.contracts import OcrDocument
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import Conflict, EmptyFile, FileTooLarge, TwolaneError, UnsupportedMediaType
from shared.models import Document, DocumentStatus, utcnow
from shared.services import announcing, callbacks, extracting
from shared.services.engines import Engines
from shared.services.options import DocumentOptions, clean_filename

log = logging.getLogger(__name__)

UPLOADS = "uploads/"
"""Where presigned uploads land; the ingest rule watches this prefix."""

HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Submitted:
    """A document, and whether this request made it or found it."""

    document: Document
    created: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that will be uploaded, as its client describes it."""

    filename: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Announced:
    """A document that waits for its bytes, and the form that takes them until `expires_at`."""

    document: Document
    form: UploadForm
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Landing:
    """An upload, where it is kept and what it turned out to be."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str | None


class Submission:
    """Takes documents in. State first: the row and its job commit together, the message follows."""

    def __init__(
        self, database: Database, store: S3Store, engines: Engines, limits: Limits, guard: Guard | None = None
    ) -> None:
        self._database = database
        self._store = store
        self._engines = engines
        self._limits = limits
        self._guard = guard or Guard()

    def submit(  # noqa: PLR0913  # everything one upload has
        self,
        account_id: UUID,
        filename: str,
        body: bytes,
        options: DocumentOptions,
        *,
        force: bool = False,
        document_id: UUID | None = None,
    ) -> Submitted:
        """Accept a document with its bytes; a `callback_url` for one that is here replaces the one it had.

        Args:
            account_id: who owns it.
            filename: as the client named it.
            body: the file, at most `max_direct_bytes`.
            options: what is asked for.
            force: read it again although the account has the same bytes with the same options.
            document_id: the id a new document gets, where the caller must be able to repeat the request.

        Raises:
            EmptyFile, FileTooLarge, UnsupportedMediaType, InvalidFilename: the file is not one we read.
            UnknownEngine, EngineUnavailable, UnknownLanguage: the options can't be met here.
            UrlNotAllowed: `callback_url` is not called from here.
            StorageUnavailable, DatabaseUnavailable: try again.
        """
        self._engines.check(options.engine, options.languages)
        document = self._new(account_id, filename, options, document_id or uuid4())
        self._inspect(document, body)
        document.content_key = options.content_key(document.sha256 or "")
        existing = None if force else self._same(account_id, document)
        if existing is not None:
            return self._found(existing, document)
        self._store.put(document.source_key, body, document.media_type or "")
        try:
            with self._database.write() as work:
                if force:
                    self._take_over(work.session, account_id, document.content_key)
                self._queue(work, document)
        except IntegrityError:
            return self._lost_race(account_id, document)
        return Submitted(document, created=True)

    def announce(  # noqa: PLR0913  # everything one upload has
        self,
        account_id: UUID,
        filename: str,
        media_type: str,
        size_bytes: int,
        options: DocumentOptions,
        *,
        force: bool = False,
        document_id: UUID | None = None,
    ) -> Announced:
        """Make a document that waits for its bytes, and a form that takes exactly `size_bytes` of them.

        With `force` it will be read even if the account has the same bytes with the same options.

        Raises:
            EmptyFile, FileTooLarge, UnsupportedMediaType, InvalidFilename: such a file is not taken.
            UnknownEngine, EngineUnavailable, UnknownLanguage: the options can't be met here.
            UrlNotAllowed: `callback_url` is not called from here.
        """
        self._engines.check(options.engine, options.languages)
        upload = Upload(filename, media_type, size_bytes)
        document = self.awaited(account_id, upload, options, document_id or uuid4())
        document.forced = force
        with self._database.write() as work:
            document = work.session.get(Document, document.id) or document
            work.session.add(document)
        return self.form(document)

    def awaited(self, account_id: UUID, upload: Upload, options: DocumentOptions, document_id: UUID) -> Document:
        """A document that waits for its bytes, to be stored by the caller, who has checked that its engine is there.

        Raises:
            EmptyFile, FileTooLarge, UnsupportedMediaType, InvalidFilename: such a file is not taken.
            UrlNotAllowed: `callback_url` is not called from here.
        """
        self._check_size(upload.size_bytes, self._limits.max_upload_bytes, "")
        if upload.media_type not in media.MEDIA_TYPES:
            message = f"{upload.media_type[:100]!r} is not read here; send {media.SUPPORTED}."
            raise UnsupportedMediaType(message)
        document = self._new(account_id, upload.filename, options, document_id)
        document.status = DocumentStatus.AWAITING_UPLOAD
        document.source_key = f"{UPLOADS}{document.id}/source"
        document.media_type, document.size_bytes = upload.media_type, upload.size_bytes
        return document

    def form(self, document: Document) -> Announced:
        """A new form for a document that waits for its bytes; it takes exactly as many as were announced."""
        seconds = self._limits.upload_expires_seconds
        form = self._store.upload_form(document.source_key, document.media_type or "", document.size_bytes, seconds)
        return Announced(document, form, utcnow() + timedelta(seconds=seconds))

    def again(self, source: Document, options: DocumentOptions, document_id: UUID) -> Document:
        """A new document of the bytes of one that is here, to be stored by the caller, who copies the file.

        Raises:
            UrlNotAllowed: `callback_url` is not called from here.
        """
        document = self._new(source.account_id, source.filename, options, document_id)
        document.media_type, document.size_bytes, document.sha256 = source.media_type, source.size_bytes, source.sha256
        document.content_key = options.content_key(source.sha256 or "")
        # Two tries of one request make the same document; the file of the one that is stored is not the other's.
        document.source_key = f"documents/{document_id}/source-{uuid4().hex[:8]}"
        return document

    def accept_upload(self, key: str, size: int) -> None:
        """Note that an announced document has landed: look at its bytes and queue it. Safe to repeat.

        Args:
            key: of the object, `uploads/DOCUMENT_ID/source`.
            size: its bytes, as the store counted them.

        Raises:
            StorageUnavailable, DatabaseUnavailable: try again.
        """
        document = self._awaited(key)
        if document is None:
            log.info("nothing waits for this upload", extra={"key": key})
            return
        # The form stays valid for a while: what it takes from now on must not change what is read.
        kept = f"documents/{document.id}/source-{uuid4().hex[:8]}"
        self._store.copy(key, kept)
        digest, head = self._digest(kept)
        landing = _Landing(kept, digest, size, media.sniff(head))
        try:
            landed = self._land(document.id, landing)
        except IntegrityError:
            # Another upload of the same bytes took the content key meanwhile; now that is seen.
            landed = self._land(document.id, landing)
        self._store.delete_prefix(f"{UPLOADS}{document.id}/" if landed else kept)

    def _land(self, document_id: UUID, landing: _Landing) -> bool:
        """Queue an awaited document with what landed, once; False where it is awaited no longer."""
        with self._database.write() as work:
            row = work.session.get(Document, document_id, with_for_update=True)
            if row is None or row.status != DocumentStatus.AWAITING_UPLOAD:
                return False
            row.source_key, row.sha256, row.size_bytes = landing.key, landing.sha256, landing.size_bytes
            if landing.media_type is None:
                _refuse(row, UnsupportedMediaType(f"This file is none we read; send {media.SUPPORTED}."))
                announcing.announce(work, row)
                return True
            row.media_type = landing.media_type
            row.content_key = self._free_key(work.session, row)
            row.status = DocumentStatus.QUEUED
            send_reading(work, row)
            return True

    def _new(self, account_id: UUID, filename: str, options: DocumentOptions, document_id: UUID) -> Document:
        name = clean_filename(filename)
        return Document(
            id=document_id,
            account_id=account_id,
            status=DocumentStatus.QUEUED,
            filename=name,
            source_key=f"documents/{document_id}/source",
            options=options.reading(),
            password=options.password,
            callback_url=None if options.callback_url is None else self._guard.read(options.callback_url).url,
            user_metadata=options.metadata,
            extract=options.extract,
            flags=[],
            priority=options.effective_priority,
            generation=0,
            pages_done=0,
            created_at=utcnow(),
        )

    def _inspect(self, document: Document, body: bytes) -> None:
        limit = self._limits.max_direct_bytes
        self._check_size(len(body), limit, " Larger ones go through POST /v1/uploads.")
        document.media_type = media.sniff(body[:HEAD_BYTES])
        if document.media_type is None:
            message = f"{document.filename} is none we read, whatever its name says; send {media.SUPPORTED}."
            raise UnsupportedMediaType(message)
        document.sha256 = hashlib.sha256(body).hexdigest()
        document.size_bytes = len(body)

    @staticmethod
    def _check_size(size: int, limit: int, hint: str) -> None:
        if size == 0:
            message = "The file is empty."
            raise EmptyFile(message)
        if size > limit:
            message = f"The file is larger than the {limit / MIB:g} MiB taken here.{hint}"
            raise FileTooLarge(message)

    def _same(self, account_id: UUID, document: Document) -> Document | None:
        with self._database.read() as session:
            return session.scalar(
                select(Document).where(Document.account_id == account_id, Document.content_key == document.content_key)
            )

    def _found(self, existing: Document, document: Document) -> Submitted:
        """Give a document that is here already; whoever asks to be told of it is, and gets the fields they want."""
        wants_fields = document.extract == extracting.INVOICE
        if existing.id == document.id or not (document.callback_url or wants_fields):
            return Submitted(existing, created=False)
        with self._database.write() as work:
            # Locked: what ends it comes before this, and is seen, or after it, and sees this.
            row = work.session.get(Document, existing.id, with_for_update=True)
            if row is None:
                raise Conflict(callbacks.DELETED)
            if wants_fields:
                extracting.ask(work, row)
            if document.callback_url is not None:
                callbacks.ask(work, row.id, document.callback_url)
            return Submitted(row, created=False)

    def _lost_race(self, account_id: UUID, document: Document) -> Submitted:
        """Another request made the same document meanwhile: give that one."""
        with self._database.read() as session:
            earlier = session.get(Document, document.id)
        # The same request, repeated: its document may have given its content key to another since.
        winner = earlier or self._same(account_id, document)
        if winner is None:
            raise Conflict(callbacks.DELETED)
        if winner.id != document.id:
            self._store.delete_prefix(f"documents/{document.id}/")
        return self._found(winner, document)

    @staticmethod
    def _take_over(session: Session, account_id: UUID, content_key: str) -> None:
        session.execute(
            update(Document)
            .where(Document.account_id == account_id, Document.content_key == content_key)
            .values(content_key=None)
        )

    @staticmethod
    def _queue(work: UnitOfWork, document: Document) -> None:
        work.session.add(document)
        work.session.flush()
        send_reading(work, document)

    def _awaited(self, key: str) -> Document | None:
        document_id = _document_of(key)
        with self._database.read() as session:
            row = session.get(Document, document_id) if document_id else None
        if row is None or row.source_key != key or row.status != DocumentStatus.AWAITING_UPLOAD:
            return None
        return row

    def _digest(self, key: str) -> tuple[str, bytes]:
        digest, head = hashlib.sha256(), b""
        for chunk in self._store.chunks(key):
            digest.update(chunk)
            head = head or chunk[:HEAD_BYTES]
        return digest.hexdigest(), head

    @staticmethod
    def _free_key(session: Session, row: Document) -> str | None:
        """The content key, unless an earlier document of the account has it: that keeps it, and its pages are taken.

        One that is to be read whatever was read before takes the key away.
        """
        options = DocumentOptions(**row.options, password=row.password)
        key = options.content_key(row.sha256 or "")
        if row.forced:
            Submission._take_over(session, row.account_id, key)
            return key
        taken = select(Document.id).where(Document.account_id == row.account_id, Document.content_key == key)
        return None if session.scalar(taken) else key


def send_reading(work: UnitOfWork, document: Document) -> None:
    """Queue the reading of a document; once a generation."""
    work.send(
        OcrDocument(document_id=document.id),
        document_id=document.id,
        priority=document.priority,
        key=f"{OcrDocument.name}:{document.id}:{document.generation}",
    )


def _document_of(key: str) -> UUID | None:
    parts = key.removeprefix(UPLOADS).split("/")
    try:
        return UUID(parts[0])
    except ValueError:
        return None


def _refuse(row: Document, error: TwolaneError) -> None:
    row.status, row.completed_at = DocumentStatus.FAILED, utcnow()
    row.error_code, row.error_message = error.code, error.detail
