"""Mails, messages and the suppression list as they travel over HTTP."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from functions.api.schemas import ErrorOut, Strict, UtcTime
from functions.api.texts import MediaType, Text, Token, Whole
from shared.services.drafts import BulkDraft, BulkQueued, Draft, Enclosure
from shared.values import MessageKind, MessageStatus, SuppressedChannel

if TYPE_CHECKING:
    from shared.models import Suppression
    from shared.services.messages import MessageState

ATTACHMENTS = 20
"""Of one mail."""

TEXT_LIMIT = 256 * 1024
"""Characters of a mail's text, and of its HTML."""


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        message = "this is no base64 (RFC 4648, section 4)"
        raise ValueError(message) from error
    return value


Address = Annotated[str, Field(min_length=1, max_length=1000, description="One mail address, without a name.")]
Subject = Annotated[str, Field(min_length=1, max_length=5000, description="One line of at most 998 characters.")]
Body = Annotated[Text, Field(max_length=TEXT_LIMIT, description="The mail as plain text.")]
Html = Annotated[Text | None, Field(max_length=TEXT_LIMIT, description="The same as HTML.")]


class AttachmentIn(Strict):
    """A file to attach: `content`, or the `key` of an object in the store."""

    filename: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="What it is called at the other end. Needed with `content`; else the end of its key.",
    )
    content_type: MediaType | None = Field(
        default=None,
        max_length=200,
        description="Its media type; without it, what its name suggests.",
    )
    content: Annotated[str, AfterValidator(_base64)] | None = Field(
        default=None, description="Its bytes in base64; all attachments of a request have at most 3 MiB together."
    )
    key: Whole | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="An object of this account: `attachments/ACCOUNT_ID/...`, or `documents/DOCUMENT_ID/...`, such as "
        "`documents/DOCUMENT_ID/result.txt`.",
    )

    @model_validator(mode="after")
    def comes_from_one_place(self) -> Self:
        """Take bytes with a name, or a key."""
        if (self.content is None) == (self.key is None):
            message = "give either content or key"
            raise ValueError(message)
        if self.content is not None and self.filename is None:
            message = "content needs a filename"
            raise ValueError(message)
        return self

    def enclosure(self) -> Enclosure:
        """As the service takes it."""
        body = None if self.content is None else base64.b64decode(self.content)
        return Enclosure(self.filename, self.content_type, body, self.key)


class EmailRequest(Strict):
    """Asks for a mail."""

    to: Address
    subject: Subject
    body: Body
    html: Html = None
    attachments: list[AttachmentIn] = Field(
        default_factory=list,
        max_length=ATTACHMENTS,
        description="Encoded, a mail has at most 40 MB, of which files take about four thirds of their size.",
    )

    def draft(self) -> Draft:
        """As the service takes it."""
        enclosures = [attachment.enclosure() for attachment in self.attachments]
        return Draft(self.to, self.subject, self.body, self.html, enclosures)


class TokenRequest(Strict):
    """Asks for a mail with a token that its recipient proves something with."""

    to: Address
    token: Token = Field(
        min_length=1,
        max_length=500,
        description="Goes into the mail, and into its link; it is not logged, and forgotten once the mail has left.",
    )


class BulkEmailRequest(Strict):
    """Asks for a mail to each of many."""

    recipients: list[Address] = Field(
        min_length=1,
        description="At most 1,000; one that is there twice gets one mail. Where none can be written to, the answer is "
        "422 with `invalid_address`, or `recipient_suppressed` where that is so of all, and nothing is sent.",
    )
    subject: Subject
    body: Body
    html: Html = None

    def draft(self) -> BulkDraft:
        """As the service takes it."""
        return BulkDraft(self.recipients, self.subject, self.body, self.html)


class MessageAccepted(BaseModel):
    """A message that is queued."""

    message_id: UUID


class RefusedOut(BaseModel):
    """A recipient who gets nothing."""

    recipient: str
    code: str = Field(description="`invalid_address` or `recipient_suppressed`.")


class BulkAccepted(MessageAccepted):
    """A bulk that is queued; `GET /v1/messages/{message_id}` counts how far its parts are."""

    recipients: int = Field(description="How many get a mail.")
    refused: list[RefusedOut]

    @classmethod
    def of(cls, queued: BulkQueued) -> Self:
        """Show what was queued."""
        refused = [RefusedOut(recipient=one.recipient, code=one.code) for one in queued.refused]
        return cls(message_id=queued.message_id, recipients=queued.recipients, refused=refused)


class MessageOut(BaseModel):
    """How far a message is."""

    id: UUID
    kind: MessageKind
    status: MessageStatus = Field(
        description="`sent`: the provider took it. A mail that came back or was complained about afterwards is `sent` "
        "with an `error`. A `bulk` is `queued` as long as one of its parts is; then `sent` where one was, else "
        "`failed` where one failed, else `suppressed`."
    )
    recipient: str | None
    attempts: int = Field(description="How often sending it was tried; 0 for a `bulk`, whose parts are.")
    segments: int | None = Field(description="Of a text message.")
    provider_id: str | None = Field(description="What SES or SNS calls it, once they took it.")
    error: ErrorOut | None = Field(description="Why it failed, or why the last attempt did.")
    created_at: UtcTime
    sent_at: UtcTime | None
    counts: dict[str, int] | None = Field(description="Parts by status, of a `bulk` or a `notification`.")

    @classmethod
    def of(cls, state: MessageState) -> Self:
        """Show a message."""
        code, message = state.error_code, state.error_message
        counts = state.counts
        return cls(
            id=state.id,
            kind=state.kind,
            status=state.status,
            recipient=state.recipient,
            attempts=state.attempts,
            segments=state.segments,
            provider_id=state.provider_id,
            error=None if code is None else ErrorOut(code=code, message=message or ""),
            created_at=state.created_at,
            sent_at=state.sent_at,
            counts=None if counts is None else {status.value: count for status, count in counts.items()},
        )


class SuppressionOut(BaseModel):
    """An address that is written to no more."""

    channel: SuppressedChannel = Field(description="What no longer reaches it; `bulk_email`: other mail still does.")
    address: str
    reason: str = Field(description="`bounce`, `complaint`, `unsubscribed` or `opt_out`.")
    detail: str | None = Field(description="What the provider said.")
    created_at: UtcTime

    @classmethod
    def of(cls, row: Suppression) -> Self:
        """Show an address."""
        return cls(
            channel=row.channel, address=row.address, reason=row.reason, detail=row.detail, created_at=row.created_at
        )


class SuppressionList(BaseModel):
    """Addresses by channel, in alphabetical order."""

    items: list[SuppressionOut]
    next_cursor: str | None = Field(description="Give it as `cursor` to go on; null at the end.")


class SuppressionQuery(Strict):
    """Which addresses to list."""

    channel: SuppressedChannel | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=1000, description="`next_cursor` of the page before.")


class UnsubscribeQuery(BaseModel):
    """What an unsubscribe link carries. Mail programs and counters of clicks append to it; that is passed over."""

    address: str = Field(min_length=1, max_length=320)
    token: str = Field(min_length=1, max_length=200)
