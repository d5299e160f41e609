"""Plain values that everybody speaks in, with neither tables nor SDKs behind them.

Who only names a status or passes a caller on loads no database for it: half of the API's cold start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints

Role = Literal["user", "admin"]
"""What a key may do: `user` sees its account's documents, `admin` operates the service."""

KeyName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""What a key or an account may be called."""

ResultFormat = Literal["text", "json", "markdown", "hocr", "alto", "tsv", "pdf", "pdfa"]
"""The outputs of a document; `pdfa` is `pdf` as PDF/A-2b."""


class DocumentFlag(StrEnum):
    """What a document is beside its pages.

    `signed`: it carries a digital signature, which any change would break. `encrypted`: it was opened with a password,
    or could be without one. `form`: it has fields that people fill in. `e_invoice`: it carries its own data as XML
    (ZUGFeRD, Factur-X).
    """

    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    FORM = "form"
    E_INVOICE = "e_invoice"


class ExtractionStatus(StrEnum):
    """Where the extraction of a document's fields stands."""

    QUEUED = "queued"
    COMPLETED = "completed"
    FAILED = "failed"


class QuoteStatus(StrEnum):
    """Where a quote stands."""

    QUEUED = "queued"
    COMPLETED = "completed"
    FAILED = "failed"


class DocumentStatus(StrEnum):
    """Where a document stands."""

    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing more happens by itself."""
        return self in FINAL


FINAL = frozenset({DocumentStatus.COMPLETED, DocumentStatus.PARTIAL, DocumentStatus.FAILED, DocumentStatus.CANCELLED})
OPEN = frozenset(DocumentStatus) - FINAL


class MessageKind(StrEnum):
    """What a message of the light lane is; `bulk` stands for the messages to all recipients of one request."""

    EMAIL = "email"
    SMS = "sms"
    NOTIFICATION = "notification"
    BULK = "bulk"


class MessageStatus(StrEnum):
    """Where a message of the light lane stands. `sent`: the provider took it, or, for `bulk`, every part is final."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class DeliveryStatus(StrEnum):
    """Where the delivery of one event to one webhook stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Channel(StrEnum):
    """How somebody is told."""

    IN_APP = "in_app"
    EMAIL = "email"
    SMS = "sms"


class SuppressedChannel(StrEnum):
    """What no longer reaches an address: all mail, bulk mail only, text messages."""

    EMAIL = "email"
    BULK_EMAIL = "bulk_email"
    SMS = "sms"


class PageStatus(StrEnum):
    """Where a page stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the account every query is scoped to, and the role."""

    account_id: UUID
    key_id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request first, and is given again to the same request."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters: of a lane, of a queue, with an error code, resolved or open; None: whatever it is."""

    lane: str | None = None
    queue: str | None = None
    code: str | None = None
    resolved: bool | None = None


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What to change of a webhook; None: leave it."""

    url: str | None = None
    events: list[str] | None = None
    description: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents to list; times are inclusive below and exclusive above; `q` is what they say, see `search`."""

    q: str | None = None
    status: DocumentStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
