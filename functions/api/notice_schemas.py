"""Text messages, notifications and an account's contacts as they travel over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from uuid import UUID

from pydantic import BaseModel, Field

from functions.api.schemas import Strict, UtcTime
from functions.api.texts import Text, Title
from shared.services.sms_text import Encoding
from shared.values import Channel

if TYPE_CHECKING:
    from shared.models import Account, Notification
    from shared.services.sms import Accepted


class SmsRequest(Strict):
    """Asks for a text message."""

    to: str = Field(description="A phone number in E.164: + and the country code, then digits only.")
    body: Text = Field(description="What it says; at most 1,600 characters, where some count twice.")


class SmsAccepted(BaseModel):
    """A text message that is queued."""

    message_id: UUID
    encoding: Encoding = Field(description="`gsm7`, or `ucs2` where one character is not in the GSM alphabet.")
    length: int = Field(description="Characters in that encoding: 7-bit ones with their escapes, or UTF-16 units.")
    segments: int = Field(description="As how many messages it travels, and is charged.")

    @classmethod
    def of(cls, accepted: Accepted) -> Self:
        """Show what was accepted."""
        measured = accepted.measured
        return cls(
            message_id=accepted.message_id,
            encoding=measured.encoding,
            length=measured.length,
            segments=measured.segments,
        )


class NotificationRequest(Strict):
    """Asks for a notification."""

    account_id: UUID | None = Field(
        default=None, description="Who is told; an admin may tell any account, others their own. Without it: your own."
    )
    title: Title = Field(max_length=200, description="One line; the subject of the mail.")
    body: Text = Field(max_length=10_000, description="What there is to say, as plain text.")
    channels: list[Channel] = Field(
        default=[Channel.IN_APP],
        min_length=1,
        max_length=len(Channel),
        description="How; mail and text messages go to the account's `email` and `phone`.",
    )


class NotificationAccepted(BaseModel):
    """A notification that is queued."""

    message_id: UUID


class NotificationOut(BaseModel):
    """A notification as it lies in the inbox."""

    id: UUID
    title: str
    body: str
    created_at: UtcTime
    read_at: UtcTime | None

    @classmethod
    def of(cls, row: Notification) -> Self:
        """Show a notification."""
        return cls(id=row.id, title=row.title, body=row.body, created_at=row.created_at, read_at=row.read_at)


class NotificationList(BaseModel):
    """An inbox, newest first."""

    items: list[NotificationOut]
    next_cursor: str | None


class NotificationQuery(Strict):
    """Which notifications to list."""

    unread: bool = Field(default=False, description="Only those that were not read yet.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")


class AccountOut(BaseModel):
    """An account: where its notifications go, and how long its documents stay."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    retention_days: int | None
    created_at: UtcTime

    @classmethod
    def of(cls, row: Account) -> Self:
        """Show an account."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class AccountChange(Strict):
    """What changes; what is left out stays, and null removes it."""

    email: str | None = Field(default=None, description="A mail address.")
    phone: str | None = Field(default=None, description="A phone number in E.164.")
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="How many days documents stay after they became final; null: for good.",
    )
