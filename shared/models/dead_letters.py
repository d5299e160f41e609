"""The one list of what was given up, of both lanes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow


class DeadLetter(Base):
    """Work that was given up; open until `resolved_at`.

    Its id is that of the job, of the document where it is one's reading, or of the event; where a message named none
    of these, one made from the message. `payload` is what the message said. `resolution` is `requeued`, `retried`
    or `resolved`, with somebody's `note`.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index("ix_dead_letters_last_failed", "last_failed_at", "id"),
        Index(
            "ix_dead_letters_open",
            "last_failed_at",
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index(
            "ix_dead_letters_resolved",
            "resolved_at",
            sqlite_where=text("resolved_at IS NOT NULL"),
            postgresql_where=text("resolved_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(String(10))
    queue: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    payload: Mapped[dict[str, Any]]
    error_code: Mapped[str] = mapped_column(String(60))
    error_message: Mapped[str] = mapped_column(PlainText)
    traceback: Mapped[str | None] = mapped_column(PlainText)
    attempts: Mapped[int]
    correlation_id: Mapped[str | None] = mapped_column(String(128))
    first_failed_at: Mapped[datetime] = mapped_column(default=utcnow)
    last_failed_at: Mapped[datetime] = mapped_column(default=utcnow)
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(PlainText)
