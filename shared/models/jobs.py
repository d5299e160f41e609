"""Jobs, and the outbox their messages leave through."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobRow(Base):
    """A unit of work; this row is the truth, a message is only a hint to look at it.

    `key`, where given, is unique: sending the same effect twice makes one job. A running job belongs to the holder of
    `lease_token` until `lease_until`; `attempt` counts the claims and is what caps them, `faults` those that
    failed by a fault of ours. From `handed_over_at` on its
    effect may have happened: a job that is lost after that is not done again. `first_failed_at` is when the failures
    began that it has not recovered from. `correlation_id` names the request it follows from.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        # Of open jobs alone: small however many are done, and claiming a job leaves it untouched.
        Index(
            "ix_jobs_open",
            "queued_at",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(
            "ix_jobs_finished",
            "finished_at",
            sqlite_where=text("finished_at IS NOT NULL"),
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(60))
    queue: Mapped[str] = mapped_column(String(60))
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    payload: Mapped[dict[str, Any]]
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    priority: Mapped[int] = mapped_column(default=5)
    status: Mapped[JobStatus] = mapped_column(default=JobStatus.QUEUED)
    attempt: Mapped[int] = mapped_column(default=0)
    faults: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
    first_failed_at: Mapped[datetime | None]
    correlation_id: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    queued_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class OutboxRow(Base):
    """A message that must leave: written with the state it speaks of, deleted when the broker has it.

    Its id is the Celery task id.
    """

    __tablename__ = "outbox"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    available_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
