"""The errors both lanes speak.

The class says what is wrong (`code`, stable, snake_case) and which HTTP status answers it; its branch decides
whether trying again can help: `Permanent` never, `Transient` later, `Postponed` later and without having tried,
`OutcomeUnknown` only somebody who has looked. `shared.services.retries` turns the branch into a time.
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
    """Trying again later can succeed.

    Args:
        detail: the sentence.
        errors: what each field lacks.
        retry_after: in how many seconds, if who failed said so.
    """

    code = "unavailable"
    status = 503
    retry_after: float = 5

    def __init__(
        self, detail: str, *, errors: list[dict[str, Any]] | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail, errors=errors)
        if retry_after is not None:
            self.retry_after = retry_after


def of_code(code: str, detail: str) -> TwolaneError:
    """Make the error of a code that was kept; one that no class here has is a fault of ours."""
    found = _by_code(TwolaneError).get(code)
    return TwolaneError(detail) if found is None else found(detail)


def _by_code(kind: type[TwolaneError]) -> dict[str, type[TwolaneError]]:
    """Every class below one, by its code; of several with one code the widest."""
    found: dict[str, type[TwolaneError]] = {}
    for narrower in kind.__subclasses__():
        found = _by_code(narrower) | found
    return found | {kind.code: kind}


class Throttled(Transient):
    """Too much at once: whoever was asked says so, and for how long."""

    code = "throttled"
    status = 429
    retry_after = 30


class Postponed(Transient):
    """Not tried at all, and so no attempt: it is not the time. `retry_after` says when it is."""

    code = "postponed"


class OutcomeUnknown(TwolaneError):
    """It may have happened or not, and must not happen twice: only somebody who has looked may try it again."""

    code = "outcome_unknown"


# --- who asks, and for what


class Unauthorized(Permanent):
    """No key, or one we do not know."""

    code = "unauthorized"
    status = 401


class Forbidden(Permanent):
    """The key is good, its role is not enough."""

    code = "forbidden"
    status = 403


class InvalidToken(Permanent):
    """A link with a token that we did not make."""

    code = "invalid_token"
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


class OutputInProgress(Conflict):
    """An output is being made right now."""

    code = "output_in_progress"


class OutputFailed(Conflict):
    """An output could not be made: `code` is that of what was in the way. Asked for again, it is tried again."""

    code = "output_failed"

    def __init__(self, detail: str, code: str | None = None, *, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail, errors=errors)
        if code is not None:
            self.code = code  # type: ignore[misc]  # one class for whatever a job may have failed with


class NotArchivable(Conflict):
    """The document can't be made a PDF/A without changing how it looks; the sentence says what stands against it."""

    code = "not_archivable"


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


class UnreadablePage(UnreadableDocument):
    """A page that ends whatever process reads it, by the memory it takes or by what is wrong with it."""

    code = "unreadable_page"


class EInvoiceUnusable(UnreadableDocument):
    """The XML that a PDF carries is no invoice that can be relied on: its words are."""

    code = "e_invoice_unusable"


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


class EngineUnreachable(EngineFailed):
    """Whoever an engine asks over the network is not there, or says that it can't now; nothing was charged."""

    code = "engine_unreachable"


class AnswerLost(EngineUnreachable):
    """Whoever an engine asks was asked, and no answer came that can be read: it may be charged all the same."""


class EngineRefused(Permanent):
    """Whoever an engine asks over the network does not take such a question."""

    code = "engine_refused"


class UnusableAnswer(Permanent):
    """A model answered, and not with what was asked for: cut off, repeating itself, refusing.

    Args:
        detail: the sentence.
        errors: what each field lacks.
        micros: what the answer cost, in millionths of a dollar; None where nobody knows.
    """

    code = "unusable_answer"

    def __init__(self, detail: str, *, errors: list[dict[str, Any]] | None = None, micros: int | None = 0) -> None:
        super().__init__(detail, errors=errors)
        self.micros = micros


class WorkerLost(Transient):
    """Every attempt ended with its worker gone."""

    code = "worker_lost"


# --- the light lane


class QueueUnavailable(Transient):
    """A queue or the event bus did not take a message."""

    code = "queue_unavailable"


class CircuitOpen(Postponed):
    """A destination failed so often that it is left alone for a while."""

    code = "circuit_open"


class RateExceeded(Postponed):
    """As much as may leave in a second has left."""

    code = "rate_exceeded"


class ProviderUnavailable(Transient):
    """SES, SNS or the mail server did not do what was asked, and certainly sent nothing."""

    code = "provider_unavailable"


class ProviderRefused(Permanent):
    """SES, SNS or the mail server refused a message for good."""

    code = "provider_refused"


class ChannelUnavailable(Permanent):
    """This deployment sends nothing on that channel."""

    code = "channel_unavailable"


class UnknownRecipient(Permanent):
    """Nobody there: no such account, or one without an address on that channel."""

    code = "unknown_recipient"


class InvalidAddress(Permanent):
    """No mail address, or no phone number in E.164."""

    code = "invalid_address"


class InvalidHeader(Permanent):
    """A subject, name or file name that no header of a mail can hold: it has line breaks or control characters."""

    code = "invalid_header"


class TooManyRecipients(Permanent):
    """More recipients than one request takes."""

    code = "too_many_recipients"


class MessageTooLarge(Permanent):
    """More than the channel carries."""

    code = "message_too_large"
    status = 413


class AttachmentMissing(Permanent):
    """An attachment that is not in the store, or not this account's."""

    code = "attachment_missing"


class TemplateUnknown(Permanent):
    """No template has that name."""

    code = "template_unknown"


class TemplateVariableMissing(Permanent):
    """A template asks for a variable that was not given."""

    code = "template_variable_missing"


class RecipientSuppressed(Permanent):
    """Mail to that address bounced or was complained about, or its owner wants no more."""

    code = "recipient_suppressed"


class SpendCapReached(Permanent):
    """A month's budget, for text messages or an engine, is used up: no job waits for the next, though a person may.

    Args:
        detail: the sentence.
        errors: what each field lacks.
        retry_after: seconds until the next month begins.
    """

    code = "spend_cap_reached"
    status = 429

    def __init__(
        self, detail: str, *, errors: list[dict[str, Any]] | None = None, retry_after: float = 24 * 3600
    ) -> None:
        super().__init__(detail, errors=errors)
        self.retry_after = retry_after


class UrlNotAllowed(Permanent):
    """An address that is not called from here: not http(s), or inside a network that is nobody else's business."""

    code = "url_not_allowed"


class DeliveryRefused(Permanent):
    """A receiver answered that it never wants this: 4xx, or a redirect that is not followed."""

    code = "delivery_refused"


class DeliveryFailed(Transient):
    """A receiver could not be reached, did not answer in time, or answered 5xx."""

    code = "delivery_failed"


class ReceiverUnreachable(DeliveryFailed):
    """No receiver was there to be asked: its name has no address, or nothing connects to it."""


class TooManyWebhooks(Conflict):
    """The account has as many webhooks as it may have."""

    code = "too_many_webhooks"


class InvalidEvent(Permanent):
    """What came from the event bus is no event that is known here."""

    code = "invalid_event"


class WebhookDisabled(Permanent):
    """The subscription was disabled or removed before this could be delivered."""

    code = "webhook_disabled"


class MessageGaveUp(WorkerLost):
    """A message of the light lane was received again and again and never finished."""

    code = "message_gave_up"


class NotRequeueable(Conflict):
    """A dead letter that no lane can take again."""

    code = "not_requeueable"
