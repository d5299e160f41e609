"""Every message that travels between the lanes, and the words both ends must agree on.

A message has a stable name, a queue, and a typed JSON payload of ids: never a document, never a pickle. What it is
about lies in the database, and the receiver looks there.
"""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.values import ResultFormat

KEY_PREFIX = "{twolane}:"
"""Prefix of every Redis key; the braces keep all keys in one slot of a clustered cache."""

PRIORITY_STEPS = (0, 3, 6, 9)
"""Priorities that Redis tells apart, 0 first; others are rounded down to one of these."""

Lane = Literal["light", "heavy"]
"""Who does a job: a Lambda function behind an SQS queue, or a Celery worker."""

FLEETS: dict[str, tuple[str, ...]] = {"ocr": ("ocr",), "reports": ("reports",), "default": ("default",)}
"""The queues each fleet of workers consumes."""

ALL_FLEETS = "all"
"""The fleet of a single machine: its workers consume every queue."""


def queues_of(fleet: str) -> tuple[str, ...]:
    """The queues a fleet consumes; `ALL_FLEETS` consumes every one.

    Raises:
        KeyError: there is no such fleet.
    """
    if fleet == ALL_FLEETS:
        return tuple(queue for queues in FLEETS.values() for queue in queues)
    return FLEETS[fleet]


def fleet_of(queue: str) -> str:
    """The fleet that consumes a queue.

    Raises:
        KeyError: there is no such queue.
    """
    return _FLEET_OF[queue]


_FLEET_OF = {queue: fleet for fleet, queues in FLEETS.items() for queue in queues}


def unacked_key(fleet: str) -> str:
    """The Redis key, before the prefix, where a fleet's messages under way are kept.

    One a fleet: kombu restores by the shortest visibility timeout that any worker of a shared key was given.
    """
    return f"unacked.{fleet}"


def workers_key(fleet: str) -> str:
    """The Redis key, before the prefix, of the sorted set in which a fleet's workers give signs of life.

    A member is one worker; its score is the time of its last sign, in seconds since 1970.
    """
    return f"workers.{fleet}"


SIGN_OF_LIFE_SECONDS = 10
"""How often a worker that consumes says so."""

ALIVE_SECONDS = 60
"""A worker whose last sign of life is older is not counted any more."""

DOZE_KEY = "doze"
"""The Redis key, before the prefix, of the note that nothing is open in the database; see `shared.services.doze`."""


def broker_priority(priority: int) -> int:
    """Turn the API's priority (10 critical ... 1 low) into Redis' (0 first ... 9 last): 10 -> 0, 7-9 -> 3, 4-6 -> 6."""
    if priority >= 10:  # noqa: PLR2004  # the scale of the API, documented above
        return 0
    if priority >= 7:  # noqa: PLR2004  # likewise
        return 3
    if priority >= 4:  # noqa: PLR2004  # likewise
        return 6
    return 9


LIGHT_QUEUES = ("email", "bulk_email", "sms", "notify", "webhook")
"""The queues of the light lane. Bulk mail has one of its own: nobody's password reset waits behind a newsletter."""


def lane_of(queue: str) -> Lane:
    """The lane of a queue."""
    return "light" if queue in LIGHT_QUEUES else "heavy"


class Job(BaseModel):
    """A unit of work of either lane, as it is asked for."""

    model_config = ConfigDict(frozen=True)

    name: ClassVar[str]
    queue: ClassVar[str]


class OcrDocument(Job):
    """Open a document, write its page ledger, take what carries text, read or fan out the rest."""

    name = "ocr.document"
    queue = "ocr"
    document_id: UUID


class OcrPages(Job):
    """Read one chunk of a document's page ledger."""

    name = "ocr.pages"
    queue = "ocr"
    document_id: UUID
    chunk: int


class OcrClose(Job):
    """Assemble the outputs of a document whose pages are all final. Sent where the last reader could not do it."""

    name = "ocr.close"
    queue = "ocr"
    document_id: UUID


class MakeOutput(Job):
    """Write one output of a final document from its stored pages."""

    name = "ocr.output"
    queue = "ocr"
    document_id: UUID
    format: ResultFormat


class QuoteDocument(Job):
    """Look into a file without reading it, and reckon what reading it would take and cost."""

    name = "ocr.quote"
    queue = "ocr"
    quote_id: UUID


class ExtractInvoice(Job):
    """Find the fields of an invoice or receipt among the words of a final document."""

    name = "extraction.invoice"
    queue = "ocr"
    document_id: UUID


class ExpireDocuments(Job):
    """Remove the documents that their accounts keep no longer."""

    name = "maintenance.expire_documents"
    queue = "default"


class Ping(Job):
    """Do nothing, by the same path as everything else: for health checks and measurements."""

    name = "maintenance.ping"
    queue = "default"


class SendEmail(Job):
    """Send one mail to one recipient."""

    name = "email.send"
    queue = "email"
    message_id: UUID


class SendBulkEmail(Job):
    """Send one mail of many that say the same."""

    name = "email.send_bulk"
    queue = "bulk_email"
    message_id: UUID


class SendSms(Job):
    """Send one text message."""

    name = "sms.send"
    queue = "sms"
    message_id: UUID


class Notify(Job):
    """Put a notification into an account's inbox and pass it on to the channels it names."""

    name = "notification.send"
    queue = "notify"
    message_id: UUID


class DeliverWebhook(Job):
    """Deliver one event to one address."""

    name = "webhook.deliver"
    queue = "webhook"
    delivery_id: UUID
