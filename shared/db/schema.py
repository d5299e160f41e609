"""Which revision of the tables the code needs, and whether a database has it.

A deploy migrates first and then replaces code, so for a while old code works on newer tables; a rollback does the same
for longer. That is why migrations only add (a column or table that nobody uses any more goes a release later), and why
a database that is newer than the code is good enough, while one that is older is not.
"""

from __future__ import annotations

import re

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import DatabaseUnavailable, NotReady
from shared.patience import eventually

REVISION = "0005"
"""The newest revision in `infra/migrations/versions`; revisions are counted, so that the later one sorts later."""

CURE = "run `python -m infra.migrations.run`, or on AWS `python -m infra.deploy.migrate`"

_UNDEFINED = {"42P01", "42703"}
"""PostgreSQL's codes of a table and a column that are not there."""

_MISSING = re.compile(r"no such (table|column): |table \S+ has no column named ")
"""What SQLite says instead; it has one code for this and a typing error."""


def revision(engine: Engine) -> str | None:
    """The revision a database is at; None for one that was never migrated.

    Raises:
        DatabaseUnavailable: it does not answer.
    """
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return found
    except (DBAPIError, PoolTimeout) as error:
        raise DatabaseUnavailable(f"The database does not answer: {reason(error)}") from error


def awake(engine: Engine, seconds: float) -> str | None:
    """Wait for a database that is starting or was paused, and return its revision.

    Raises:
        DatabaseUnavailable: it did not answer within so many seconds.
    """
    return eventually(lambda: revision(engine), seconds, DatabaseUnavailable)


def check(engine: Engine, seconds: float = 0) -> None:
    """Accept a database at the revision this code needs, or at a later one.

    Args:
        engine: of the database.
        seconds: how long it may take to answer.

    Raises:
        NotReady: it is behind; the sentence names the cure.
        DatabaseUnavailable: it does not answer.
    """
    found = awake(engine, seconds)
    if found is None:
        raise NotReady(f"The database has no tables yet: {CURE}.")
    if found < REVISION:
        raise NotReady(f"The database is at revision {found} and this code needs {REVISION}: {CURE}.")


def is_behind(error: Exception) -> bool:
    """Whether an error of a driver, or SQLAlchemy's about it, says that a table or column is missing."""
    said = getattr(error, "orig", error)
    return getattr(said, "sqlstate", None) in _UNDEFINED or bool(_MISSING.match(str(said)))


def reason(error: SQLAlchemyError) -> str:
    """What the driver says, in one line and without statements or parameters."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().partition("\n")[0].strip().rstrip(".") or type(said).__name__
