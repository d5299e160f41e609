"""Faults of ours counted apart from other failures, and indices to find what is older than it is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FINISHED = {
    "jobs": ("ix_jobs_finished", "finished_at"),
    "events": ("ix_events_published", "published_at"),
    "deliveries": ("ix_deliveries_finished", "finished_at"),
    "dead_letters": ("ix_dead_letters_resolved", "resolved_at"),
}
"""Of what is over alone: the name of an index and its column."""


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("jobs", sa.Column("faults", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"])
    for table, (name, column) in FINISHED.items():
        over = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, [column], sqlite_where=over, postgresql_where=over)


def downgrade() -> None:
    """Go back to the revision before."""
    for table, (name, _) in FINISHED.items():
        op.drop_index(name, table)
    op.drop_index("ix_idempotency_keys_created", "idempotency_keys")
    op.drop_column("jobs", "faults")
