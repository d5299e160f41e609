"""Who wants to be told of what, and what became of telling them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow
from shared.values import DeliveryStatus


class Webhook(Base):
    """A subscription of an account. The one without `url` stands for the `callback_url`s of its documents.

    `key_id` names the secret its deliveries are signed with, and `previous_key_id` the one before it, which signs as
    well until `previous_until`. The secrets themselves are derived and stored nowhere. `failing_since` is when the
    failures began that no success has ended yet.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("ix_webhooks_account_created", "account_id", "created_at", "id"),
        Index(
            "uq_webhooks_callbacks",
            "account_id",
            unique=True,
            sqlite_where=text("url IS NULL"),
            postgresql_where=text("url IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    url: Mapped[str | None] = mapped_column(String(2000))
    events: Mapped[list[str]]
    description: Mapped[str] = mapped_column(String(200), default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    key_id: Mapped[str] = mapped_column(String(20))
    previous_key_id: Mapped[str | None] = mapped_column(String(20))
    previous_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Delivery(Base):
    """One event on its way to one address. `body` is what is signed and sent, to the byte.

    `key` is unique: an event reaches a webhook once, and once more a replay.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_webhook_created", "webhook_id", "created_at", "id"),
        Index(
            "ix_deliveries_finished",
            "finished_at",
            sqlite_where=text("finished_at IS NOT NULL"),
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    event_id: Mapped[UUID]
    event_type: Mapped[str] = mapped_column(String(60))
    url: Mapped[str] = mapped_column(String(2000))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[DeliveryStatus] = mapped_column(default=DeliveryStatus.PENDING)
    replay_of: Mapped[UUID | None]
    response_status: Mapped[int | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """One try of a delivery: what was sent and what came back, in excerpts."""

    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    duration_ms: Mapped[int | None]
    request_excerpt: Mapped[str] = mapped_column(PlainText)
    response_status: Mapped[int | None]
    response_excerpt: Mapped[str | None] = mapped_column(PlainText)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
