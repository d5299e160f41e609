"""The outputs of a document: found, or asked for and then found.

Text and JSON are there as soon as a document is final. The others are made by a worker when somebody first asks, and
stay. Their key carries the document's generation: pages that failed and were read again make them anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select

from shared.adapters.s3 import S3Store
from shared.contracts import MakeOutput
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import Conflict, NotFinal, NotFound, ObjectMissing, OutputFailed
from shared.models import Document, DocumentStatus, JobRow, JobStatus
from shared.services.ledger import DocumentGone
from shared.services.restarts import restart, restart_failed
from shared.values import DocumentFlag, ResultFormat

_KINDS: dict[ResultFormat, tuple[str, str]] = {
    "text": ("result.txt", "text/plain; charset=utf-8"),
    "json": ("result.json", "application/json"),
    "markdown": ("result.md", "text/markdown; charset=utf-8"),
    "hocr": ("result.hocr", "application/xhtml+xml"),
    "alto": ("result.alto.xml", "application/xml"),
    "tsv": ("result.tsv", "text/tab-separated-values; charset=utf-8"),
    "pdf": ("result.pdf", "application/pdf"),
    "pdfa": ("result.pdfa.pdf", "application/pdf"),
}
"""Name and media type of each output."""

AT_CLOSE: frozenset[ResultFormat] = frozenset({"text", "json"})
"""What is written when a document is closed."""

_WITH_RESULT = frozenset({DocumentStatus.COMPLETED, DocumentStatus.PARTIAL})


@dataclass(frozen=True, slots=True)
class Result:
    """An output in the object store.

    Attributes:
        key: where it lies.
        media_type: what it is.
        size_bytes: how large it is.
        signed: it is the original, byte for byte: a change would break its signature.
    """

    key: str
    media_type: str
    size_bytes: int
    signed: bool = False


def media_type(result_format: ResultFormat) -> str:
    """The media type of an output."""
    return _KINDS[result_format][1]


def result_key(document_id: UUID, generation: int, result_format: ResultFormat) -> str:
    """Where an output lies in the object store; text and JSON are written over when a document is closed again."""
    folder = f"documents/{document_id}/"
    return folder + ("" if result_format in AT_CLOSE else f"outputs/{generation}/") + _KINDS[result_format][0]


class Outputs:
    """Outputs of an account's documents. Another account's id is as unknown as none.

    Args:
        database: documents and jobs.
        store: where outputs lie.
    """

    def __init__(self, database: Database, store: S3Store) -> None:
        self._database = database
        self._store = store

    def ask(self, account_id: UUID, document_id: UUID, result_format: ResultFormat) -> Result | UUID:
        """Find an output, or have it made; what failed before is tried once more.

        Returns:
            The output, or the id of the job that makes it.

        Raises:
            NotFound: this account has no such document.
            NotFinal: it is still being read.
            Conflict: it ended without a result.
            ObjectMissing: text or JSON that was written is gone.
        """
        with self._database.read() as session:
            document = _with_result(session.scalar(_own(account_id, document_id)), document_id)
        try:
            return self._found(document, result_format)
        except ObjectMissing:
            if result_format in AT_CLOSE:
                raise
        with self._database.write() as work:
            locked = work.session.scalar(_own(account_id, document_id).with_for_update())
            return _send(work, _with_result(locked, document_id), result_format)

    def look(self, account_id: UUID, document_id: UUID, result_format: ResultFormat, job_id: UUID) -> Result | None:
        """Find an output that is being made; None while it is.

        Raises:
            OutputFailed: it could not be made; code and sentence are those of what was in the way.
            NotFound, NotFinal, Conflict: as `ask`, if the document changed meanwhile.
        """
        with self._database.read() as session:
            job = session.get(JobRow, job_id)
            document = session.scalar(_own(account_id, document_id))
        if job is not None and job.status in {JobStatus.QUEUED, JobStatus.RUNNING}:
            return None
        document = _with_result(document, document_id)
        if job is not None and job.status == JobStatus.SUCCEEDED:
            try:
                return self._found(document, result_format)
            except ObjectMissing as error:
                message = "The document was read again while this was made; ask for it once more."
                raise OutputFailed(message) from error
        raise OutputFailed((job and job.error_message) or "Making it was cancelled.", job.error_code if job else None)

    def to_make(self, document_id: UUID) -> Document:
        """Give a document whose output is to be made.

        Raises:
            DocumentGone: it is deleted, or read again.
        """
        with self._database.read() as session:
            document = session.get(Document, document_id)
        if document is None or document.status not in _WITH_RESULT:
            message = f"The document {document_id} has no result any more."
            raise DocumentGone(message)
        return document

    def _found(self, document: Document, result_format: ResultFormat) -> Result:
        key = result_key(document.id, document.generation, result_format)
        signed = result_format == "pdf" and DocumentFlag.SIGNED in document.flags
        return Result(key, media_type(result_format), self._store.size(key), signed)


def _send(work: UnitOfWork, document: Document, result_format: ResultFormat) -> UUID:
    """Send the job that makes an output, or the one that failed again, or none where one is under way."""
    key = f"{MakeOutput.name}:{document.id}:{document.generation}:{result_format}"
    over = select(JobRow).where(JobRow.key == key, JobRow.status.in_([JobStatus.SUCCEEDED, JobStatus.CANCELLED]))
    if not restart_failed(work, key) and (job := work.session.scalar(over.with_for_update())) is not None:
        restart(work, job)  # it was made, and is gone from the store
    message = MakeOutput(document_id=document.id, format=result_format)
    return work.send(message, document_id=document.id, priority=document.priority, key=key)


def _own(account_id: UUID, document_id: UUID) -> Select[Document]:
    return select(Document).where(Document.id == document_id, Document.account_id == account_id)


def _with_result(document: Document | None, document_id: UUID) -> Document:
    if document is None:
        message = "There is no such document in this account."
        raise NotFound(message)
    if not document.status.final:
        message = f"The document is {document.status}; wait for it with GET /v1/documents/{document_id}?wait=20."
        raise NotFinal(message)
    if document.status not in _WITH_RESULT:
        reason = f": {document.error_message}" if document.error_message else "."
        message = f"The document is {document.status} and has no result{reason}"
        raise Conflict(message)
    return document
