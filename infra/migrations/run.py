"""Bring a database to the newest revision: `python -m infra.migrations.run`."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import SQLAlchemyError

from shared.adapters import secrets
from shared.config import ConfigurationError, Database, load
from shared.db import schema
from shared.db.engine import make_engine
from shared.errors import TwolaneError

WAIT_SECONDS = 60.0
"""How long a database may take to answer: one that paused takes up to half a minute to wake."""


def config(database_url: str) -> Config:
    """The Alembic configuration for a database; it needs no ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    # Credentials are in this URL already, whatever the environment says of a secret.
    complete = Database(database_url=database_url, database_secret_arn=None)
    settings.attributes["database_url"] = complete.database_url
    return settings


def upgrade(database_url: str) -> None:
    """Create or migrate the tables; safe to repeat.

    Args:
        database_url: `postgresql://...` or `sqlite:///PATH`.
    """
    command.upgrade(config(database_url), "head")


def migrate(database_url: str, wait_seconds: float = WAIT_SECONDS) -> str:
    """Wait for a database, migrate it, and tell from which revision to which.

    A database that is newer than this code, as after a rollback, is left as it is.

    Raises:
        DatabaseUnavailable: it did not answer in time.
        sqlalchemy.exc.SQLAlchemyError: a migration failed; nothing of it was kept.
    """
    engine = make_engine(database_url)
    try:
        before = schema.awake(engine, wait_seconds)
        if before == schema.REVISION:
            return f"the database is at revision {before}; there is nothing to do"
        if before is not None and before > schema.REVISION:
            return f"the database is at revision {before}, newer than this code needs; it was left as it is"
        upgrade(database_url)
        return f"the database was migrated from {before or 'nothing'} to {schema.revision(engine)}"
    finally:
        engine.dispose()


def main() -> int:
    """Migrate the database of `DATABASE_URL`, joined with `DATABASE_SECRET_ARN` where that is given.

    Returns:
        0 where it is migrated now, 1 where it is not; a sentence says why.
    """
    try:
        done = migrate(secrets.database_url(load(Database, "The migration")))
    except SQLAlchemyError as error:
        return _failed(f"The migration failed and nothing of it was kept: {schema.reason(error)}.")
    except (ConfigurationError, TwolaneError) as error:
        return _failed(str(error))
    sys.stdout.write(f"twolane: {done}\n")
    return 0


def _failed(sentence: str) -> int:
    sys.stderr.write(f"twolane: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
