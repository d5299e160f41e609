"""Readings of a page by several engines, what they took, and what is made of documents: fields, quotes, batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.models.base import PlainText, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("accounts", sa.Column("retention_days", sa.Integer(), nullable=True))
    op.add_column("documents", sa.Column("extract", sa.String(length=20), server_default="none", nullable=False))
    op.add_column("documents", sa.Column("flags", JSON, server_default="[]", nullable=False))
    op.add_column("documents", sa.Column("forced", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_documents_account_completed", "documents", ["account_id", "completed_at"])
    op.add_column("pages", sa.Column("attempts", JSON, nullable=True))
    op.add_column("pages", sa.Column("cpu_ms", sa.Integer(), nullable=True))
    op.add_column("pages", sa.Column("peak_kb", sa.Integer(), nullable=True))
    op.add_column("pages", sa.Column("micros", sa.BigInteger(), nullable=True))
    op.add_column("pages", sa.Column("reused_from", sa.Uuid(), nullable=True))
    _findings()


def _findings() -> None:
    op.create_table(
        "extractions",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("extractor", sa.String(length=40), nullable=True),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("micros", sa.Integer(), nullable=False),
        *_ending(),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_extractions_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_extractions")),
    )
    op.create_table(
        "quotes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("password", sa.String(length=200), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("result", JSON, nullable=False),
        *_ending(),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_quotes_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_quotes_document_id_documents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
    )
    op.create_index("ix_quotes_account_created", "quotes", ["account_id", "created_at", "id"])
    op.create_index(op.f("ix_quotes_created_at"), "quotes", ["created_at"])
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_batches_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_account_created", "batches", ["account_id", "created_at", "id"])
    op.create_table(
        "batch_documents",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_documents_batch_id_batches"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_batch_documents_document_id_documents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "document_id", name=op.f("pk_batch_documents")),
    )
    op.create_index(op.f("ix_batch_documents_document_id"), "batch_documents", ["document_id"])


def _ending() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", PlainText(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    for table in ("batch_documents", "batches", "quotes", "extractions"):
        op.drop_table(table)
    for column in ("reused_from", "micros", "peak_kb", "cpu_ms", "attempts"):
        op.drop_column("pages", column)
    op.drop_index("ix_documents_account_completed", "documents")
    op.drop_column("documents", "forced")
    op.drop_column("documents", "flags")
    op.drop_column("documents", "extract")
    op.drop_column("accounts", "retention_days")
