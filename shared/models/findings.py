"""What is made of documents beside their text: fields, quotes, batches."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow
from shared.values import ExtractionStatus, QuoteStatus


class Extraction(Base):
    """The fields found in a document; one a document, the latest. `fields` is as the API shows them.

    `generation` is that of the document it was made from: a retry of failed pages makes it anew.
    """

    __tablename__ = "extractions"

    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    status: Mapped[ExtractionStatus] = mapped_column(default=ExtractionStatus.QUEUED)
    generation: Mapped[int] = mapped_column(default=0)
    extractor: Mapped[str | None] = mapped_column(String(40))
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    micros: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    completed_at: Mapped[datetime | None]


class Quote(Base):
    """What reading a file would take and cost.

    `result` is as the API shows it; the file of one that was sent for the quote alone lies at `source_key`, and goes
    with it.
    """

    __tablename__ = "quotes"
    __table_args__ = (Index("ix_quotes_account_created", "account_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    source_key: Mapped[str] = mapped_column(String(200))
    filename: Mapped[str] = mapped_column(String(255))
    options: Mapped[dict[str, Any]]
    password: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[QuoteStatus] = mapped_column(default=QuoteStatus.QUEUED)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
    completed_at: Mapped[datetime | None]


class Batch(Base):
    """Documents that somebody wants to hear of together. `completed_at` is set once, when all of them are final."""

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_account_created", "account_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    completed_at: Mapped[datetime | None]


class BatchDocument(Base):
    """A document of a batch, in the order it was named; a document may be in several."""

    __tablename__ = "batch_documents"

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    document_id: Mapped[UUID] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int]
