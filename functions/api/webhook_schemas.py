"""Webhooks and deliveries as they travel over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from functions.api.schemas import ErrorOut, Strict, UtcTime
from functions.api.texts import Line
from shared.events import EVENTS
from shared.values import DeliveryStatus

if TYPE_CHECKING:
    from shared.models import DeliveryAttempt, Webhook
    from shared.services.delivery_log import Logged


def _known(value: str) -> str:
    if value not in EVENTS:
        message = f"there is no such event; there are {', '.join(EVENTS)}"
        raise ValueError(message)
    return value


EventType = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(EVENTS)})]
EventTypes = Annotated[
    list[EventType],
    Field(min_length=1, max_length=50, description="What it is told of.", examples=[["document.completed"]]),
]
Url = Annotated[
    str,
    Field(
        max_length=5000,
        description="Where events are sent: http or https, a public address, no user or password in it.",
        examples=["https://example.com/hooks/twolane"],
    ),
]
Description = Annotated[
    Line,
    Field(max_length=200, description="Your own words."),
]


class WebhookRequest(Strict):
    """Subscribes a URL to events."""

    url: Url
    events: EventTypes
    description: Description = ""


class WebhookPatch(Strict):
    """What to change; what is left out stays."""

    url: Url | None = None
    events: EventTypes | None = None
    description: Description | None = None
    enabled: bool | None = Field(default=None, description="`true` enables it again and forgets its failures.")


class WebhookOut(BaseModel):
    """A webhook without its secret."""

    id: UUID
    url: str | None = Field(description="Null for the one that stands for the `callback_url`s of documents.")
    events: list[str]
    description: str
    enabled: bool
    key_id: str = Field(description="Names the secret that signs.")
    previous_key_id: str | None = Field(description="Names the secret before it, while that signs too.")
    previous_until: UtcTime | None = Field(description="Until when that is.")
    failing_since: UtcTime | None = Field(description="When the failures began that no success has ended yet.")
    failures: int = Field(description="Deliveries given up in a row.")
    disabled_at: UtcTime | None
    disabled_reason: str | None
    created_at: UtcTime

    @classmethod
    def of(cls, row: Webhook) -> Self:
        """Show a webhook."""
        plain = {name: getattr(row, name) for name in WebhookOut.model_fields}
        if row.previous_until is not None and row.previous_until <= datetime.now(UTC):
            plain |= {"previous_key_id": None, "previous_until": None}
        return cls(**plain)


class WebhookWithSecret(WebhookOut):
    """A webhook whose secret is new."""

    secret: str | None = Field(
        default=None,
        description="What signatures are made with: shown now and never again. Null in a replay by Idempotency-Key.",
    )


class WebhookList(BaseModel):
    """Webhooks, oldest first."""

    items: list[WebhookOut]
    next_cursor: str | None


class WebhookQuery(Strict):
    """Which webhooks to list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")


class DeliveryQuery(WebhookQuery):
    """Which deliveries to list."""

    status: DeliveryStatus | None = None


class AttemptOut(BaseModel):
    """One try of a delivery; request and response without signatures, bodies cut after 1,000 characters."""

    number: int
    started_at: UtcTime
    duration_ms: int | None
    request: str
    response_status: int | None
    response: str | None
    error: ErrorOut | None

    @classmethod
    def of(cls, row: DeliveryAttempt) -> Self:
        """Show an attempt."""
        return cls(
            number=row.number,
            started_at=row.started_at,
            duration_ms=row.duration_ms,
            request=row.request_excerpt,
            response_status=row.response_status,
            response=row.response_excerpt,
            error=_error(row.error_code, row.error_message),
        )


class DeliveryOut(BaseModel):
    """One event on its way to one URL."""

    id: UUID = Field(description="`Twolane-Delivery`, the same in every attempt.")
    webhook_id: UUID
    event_id: UUID
    event_type: str
    url: str
    status: DeliveryStatus
    replay_of: UUID | None = Field(description="The delivery that this one repeats.")
    response_status: int | None = Field(description="Of the last attempt.")
    error: ErrorOut | None
    created_at: UtcTime
    finished_at: UtcTime | None
    next_attempt_at: UtcTime | None = Field(description="When it is tried next, as far as that is known.")
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, logged: Logged) -> Self:
        """Show a delivery."""
        row = logged.delivery
        return cls(
            id=row.id,
            webhook_id=row.webhook_id,
            event_id=row.event_id,
            event_type=row.event_type,
            url=row.url,
            status=row.status,
            replay_of=row.replay_of,
            response_status=row.response_status,
            error=_error(row.error_code, row.error_message),
            created_at=row.created_at,
            finished_at=row.finished_at,
            next_attempt_at=logged.next_attempt_at,
            attempts=[AttemptOut.of(attempt) for attempt in logged.attempts],
        )


class DeliveryList(BaseModel):
    """Deliveries, newest first; fewer come where they would not fit into one answer."""

    items: list[DeliveryOut]
    next_cursor: str | None


def _error(code: str | None, message: str | None) -> ErrorOut | None:
    return None if code is None else ErrorOut(code=code, message=message or "")
