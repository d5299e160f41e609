"""The errors both lanes speak.

The class says what is wrong (`code`, stable, snake_case) and which HTTP status answers it; its branch decides
whether trying again can help: `Permanent` never, `Transient` later.
"""

from __future__ import annotations

from typing import Any, ClassVar


class TwolaneError(Exception):
    """Anything this product reports: `str(error)` is the sentence a user reads, `code` what a program reads."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []


class Permanent(TwolaneError):
    """Trying again changes nothing."""

    code = "invalid_request"
    status = 422


class Transient(TwolaneError):
    """Trying again later can succeed. `retry_after` is in seconds."""

    code = "unavailable"
    status = 503
    retry_after: ClassVar[int] = 5


# --- who asks, and for what


class Unauthorized(Permanent):
    """No key, or one we do not know."""

    code = "unauthorized"
    status = 401


class Forbidden(Permanent):
    """The key is good, its role is not enough."""

    code = "forbidden"
    status = 403


class NotFound(Permanent):
    """No such thing in this account."""

    code = "not_found"
    status = 404


class Conflict(Permanent):
    """The thing is not in a state that allows this."""

    code = "conflict"
    status = 409


class NotFinal(Conflict):
    """A result was asked for before there is one."""

    code = "not_final"


class IdempotencyKeyReused(Permanent):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"


class RequestInProgress(Conflict):
    """The same Idempotency-Key is being answered right now."""

    code = "request_in_progress"


# --- what was sent with a document


class InvalidOption(Permanent):
    """An option has a value we do not take."""

    code = "invalid_option"


class UnknownOption(Permanent):
    """An option we do not know."""

    code = "unknown_option"


class UnknownEngine(Permanent):
    """No engine has that name."""

    code = "unknown_engine"


class EngineUnavailable(Permanent):
    """The engine exists but is not installed or configured here."""

    code = "engine_unavailable"


class UnknownLanguage(Permanent):
    """The engine has no pack for that language."""

    code = "unknown_language"


class InvalidPageRange(Permanent):
    """`pages` is not a page range."""

    code = "invalid_page_range"


class InvalidFilename(Permanent):
    """A name no file can have."""

    code = "invalid_filename"


class FileMissing(Permanent):
    """A document was sent without a file."""

    code = "file_missing"


class EmptyFile(Permanent):
    """Zero bytes."""

    code = "empty_file"


class FileTooLarge(Permanent):
    """More bytes than this way of uploading takes."""

    code = "file_too_large"
    status = 413


class UnsupportedMediaType(Permanent):
    """Not an image or PDF we read."""

    code = "unsupported_media_type"
    status = 415


# --- what a reader finds inside a document


class UnreadableDocument(Permanent):
    """The document itself is at fault."""

    code = "unreadable_document"


class CorruptFile(UnreadableDocument):
    """Damaged, truncated, or not what its name says."""

    code = "corrupt_file"


class PasswordRequired(UnreadableDocument):
    """Encrypted, and no password came with it."""

    code = "password_required"


class WrongPassword(UnreadableDocument):
    """Encrypted, and the password does not open it."""

    code = "wrong_password"


class NoPages(UnreadableDocument):
    """A document of no pages."""

    code = "no_pages"


class TooManyPages(UnreadableDocument):
    """More pages than one document may have."""

    code = "too_many_pages"


class PageOutOfRange(UnreadableDocument):
    """The page range asks for pages the document does not have."""

    code = "page_out_of_range"


class PageTooLarge(UnreadableDocument):
    """A page that would render, or an image that would decode, to more pixels than we read."""

    code = "page_too_large"


# --- what may be better next time


class NotReady(Transient):
    """A health check failed; `errors` names each that did."""

    code = "not_ready"


class StorageUnavailable(Transient):
    """The object store did not do what was asked."""

    code = "storage_unavailable"


class ObjectMissing(Permanent):
    """The object store has no such object."""

    code = "object_missing"
    status = 404


class DatabaseUnavailable(Transient):
    """The database did not answer."""

    code = "database_unavailable"


class NotMigrated(DatabaseUnavailable):
    """The database lacks a table or column that this code needs."""

    code = "not_migrated"


class BrokerUnavailable(Transient):
    """The broker did not take or give a message in time."""

    code = "broker_unavailable"


class EngineFailed(Transient):
    """The engine, or the process it ran in, died on a page."""

    code = "engine_failed"


class PageTimeout(EngineFailed):
    """A page took longer than its time limit and its process was killed."""

    code = "page_timeout"


class WorkerLost(Transient):
    """Every attempt ended with its worker gone."""

    code = "worker_lost"
