"""Messages of the light lane to people: mail, text messages, notifications; and whom none may reach any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow
from shared.values import MessageKind, MessageStatus, SuppressedChannel


class MessageRow(Base):
    """One message to one recipient, or, for `bulk`, what stands for the messages to many.

    `content` is what the kind needs: of a mail `{subject, text, html}` or `{template, variables}`, and `attachments`
    that lie in the object store. `parent_id` is the bulk or notification it is part of. `key`, where given, is unique:
    asking for the same effect twice makes one message. `provider_id` is how the provider speaks of it afterwards.
    How often it was tried says its job.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_parent", "parent_id", "status"),
        Index("ix_messages_account_created", "account_id", "created_at"),
        Index("ix_messages_created", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    kind: Mapped[MessageKind]
    status: Mapped[MessageStatus] = mapped_column(default=MessageStatus.QUEUED)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    recipient: Mapped[str | None] = mapped_column(String(320))
    content: Mapped[dict[str, Any]]
    segments: Mapped[int | None]
    cost_micros: Mapped[int | None] = mapped_column(BigInteger)
    provider_id: Mapped[str | None] = mapped_column(String(200), index=True)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    sent_at: Mapped[datetime | None]


class Notification(Base):
    """What an account finds in its inbox; has the id of the message that brought it."""

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_account_created", "account_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(PlainText)
    body: Mapped[str] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    read_at: Mapped[datetime | None]


class Suppression(Base):
    """An address that is written to no more, on one channel; `reason`: bounce, complaint, unsubscribed, opt_out."""

    __tablename__ = "suppressions"

    channel: Mapped[SuppressedChannel] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(320), primary_key=True)
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
