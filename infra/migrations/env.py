"""What Alembic runs: one connection, one transaction, both databases."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from shared.db.engine import WRITES, make_engine
from shared.models import Base

LOCK = 2_072_541_393
"""Any number, always the same: whoever migrates holds this advisory lock, and others wait for it."""


def migrate(connection: Connection) -> None:
    """Run every revision in one transaction, one process at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


engine = make_engine(context.config.attributes["database_url"])
try:
    with engine.execution_options(**{WRITES: True}).begin() as transaction:
        migrate(transaction)
finally:
    engine.dispose()
