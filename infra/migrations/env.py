"""What Alembic runs: one connection, one transaction, both databases."""

from __future__ import annotations

from alembic import context

from shared.db.engine import make_engine
from shared.models import Base

engine = make_engine(context.config.attributes["database_url"])
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
