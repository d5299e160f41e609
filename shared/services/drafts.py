"""Mails as they are asked for. Plain values: who passes one on loads neither tables nor a mail library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Something to attach: the bytes that came with the request, or an object that is in the store already.

    Attributes:
        filename: what it is called at the other end; without it, the end of its key.
        content_type: its media type; without it, what its name suggests.
        body: its bytes; None where it has a key.
        key: of the object.
    """

    filename: str | None = None
    content_type: str | None = None
    body: bytes | None = None
    key: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.filename or (self.key or "").rpartition("/")[2] or "attachment"


@dataclass(frozen=True, slots=True)
class Draft:
    """One mail to one recipient."""

    to: str
    subject: str
    text: str
    html: str | None = None
    enclosures: Sequence[Enclosure] = ()


@dataclass(frozen=True, slots=True)
class BulkDraft:
    """One mail to each of many."""

    recipients: Sequence[str]
    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A recipient of many who gets nothing, and the code of the error that says why."""

    recipient: str
    code: str


@dataclass(frozen=True, slots=True)
class BulkQueued:
    """A bulk that is queued; `recipients` is how many get a mail."""

    message_id: UUID
    recipients: int
    refused: Sequence[Refused]
