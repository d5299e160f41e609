"""Documents and the page ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow
from shared.values import DocumentStatus, PageStatus


class Document(Base):
    """One document: what came in, what was asked for, how far it is.

    `content_key` is the digest of bytes and options; unique in an account, so that the same upload twice, even at the
    same moment, is one document. `generation` counts retries: it is part of the key of every job of the document.
    `password` is needed until the document is completed and erased then: a retry opens the file again. `callback_url`
    is told how it ended. `forced`: it is to be read although the same was read before. `extract` is what is to be
    found in it once it is read. `flags` are names of `shared.values.DocumentFlag`, known once it was opened.
    """

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("account_id", "content_key"),
        Index("ix_documents_account_created", "account_id", "created_at", "id"),
        Index("ix_documents_status", "status"),
        # What an account keeps no longer is found by it.
        Index("ix_documents_account_completed", "account_id", "completed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    status: Mapped[DocumentStatus]
    filename: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str | None] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    content_key: Mapped[str | None] = mapped_column(String(64))
    source_key: Mapped[str] = mapped_column(String(200))
    options: Mapped[dict[str, Any]]
    # "metadata" is taken by SQLAlchemy itself.
    user_metadata: Mapped[dict[str, Any]] = mapped_column("metadata")
    password: Mapped[str | None] = mapped_column(String(200))
    callback_url: Mapped[str | None] = mapped_column(String(2000))
    forced: Mapped[bool] = mapped_column(default=False, server_default=false())
    extract: Mapped[str] = mapped_column(String(20), default="none", server_default="none")
    flags: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    priority: Mapped[int] = mapped_column(default=5)
    generation: Mapped[int] = mapped_column(default=0)
    page_count: Mapped[int | None]
    pages_total: Mapped[int | None]
    pages_done: Mapped[int] = mapped_column(default=0)
    confidence: Mapped[float | None]
    text_source: Mapped[str | None] = mapped_column(String(20))
    engine: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class Page(Base):
    """A row of the ledger: written once as pending, once as done or failed.

    The text lies here, where it is listed and searched. The words lie in the object store: `words_key` holds those of
    several pages, this page's at `words_offset`, `words_length` bytes of JSON. `attempts` has every reading of it, as
    `workers.ocr.pages.Attempt` describes; `cpu_ms`, `peak_kb` and `micros` are what it took and cost in all: nothing
    where it was taken from the same page of the document `reused_from`.
    """

    __tablename__ = "pages"

    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    chunk: Mapped[int | None]
    status: Mapped[PageStatus] = mapped_column(default=PageStatus.PENDING)
    width: Mapped[int | None]
    height: Mapped[int | None]
    dpi: Mapped[int | None]
    text: Mapped[str | None] = mapped_column(PlainText)
    confidence: Mapped[float | None]
    engine: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str | None] = mapped_column(String(20))
    duration_ms: Mapped[int | None]
    word_count: Mapped[int | None]
    words_key: Mapped[str | None] = mapped_column(String(300))
    words_offset: Mapped[int | None] = mapped_column(BigInteger)
    words_length: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[list[dict[str, Any]] | None]
    cpu_ms: Mapped[int | None]
    peak_kb: Mapped[int | None]
    micros: Mapped[int | None] = mapped_column(BigInteger)
    reused_from: Mapped[UUID | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(PlainText)
