"""Which database the stack keeps its state in: the SQLite file in the data directory, or a PostgreSQL it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from infra.local import checks
from infra.local.errors import LocalStackError
from infra.local.layout import Layout

if TYPE_CHECKING:
    from psycopg import Connection

# Aurora that has paused takes about 15 seconds to come back.
CONNECT_SECONDS = 30
# Any number that no other program on the same database locks.
LOCK = 0x7477_6F6C_616E_65
OPTION = "--database-url"


@contextmanager
def held(layout: Layout, given: str | None) -> Iterator[str]:
    """The `DATABASE_URL` of everything in the stack, for as long as the stack has that database to itself.

    Args:
        layout: of the data directory, which this process holds already.
        given: `postgresql://...`; None or empty for the SQLite file in the data directory.

    Raises:
        LocalStackError: the file is damaged; what was given is no PostgreSQL, does not answer or is another stack's.
    """
    if not given:
        checks.sound_database(layout)
        yield layout.database_url
        return
    with closing(_connect(given)) as connection:
        # The stack sets free whatever work the previous run left in hand, so nobody else may have any. The lock ends
        # with the connection, and the connection with this process.
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if row != (True,):
            raise LocalStackError(
                f"another twolane is running on the database {_place(connection)}; stop it, or give another {OPTION}"
            )
        yield given


def _connect(url: str) -> Connection:
    import psycopg  # noqa: PLC0415  # most stacks run on SQLite and start faster without it

    try:
        return psycopg.connect(_patient(url), autocommit=True)
    except psycopg.OperationalError as error:
        # A line each, where several addresses were tried; the first says enough.
        why = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
        raise LocalStackError(f"the database cannot be used: {why}; start it, or give another {OPTION}") from error


def _patient(url: str) -> str:
    """`url` as libpq wants it, with a limit to how long it may take to connect, unless it names its own."""
    from psycopg import ProgrammingError  # noqa: PLC0415  # as above
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415  # as above

    refusal = LocalStackError(
        f"{OPTION} takes postgresql://USER:PASSWORD@HOST/NAME, special characters percent-encoded; "
        "without it a SQLite file in --data-dir is used"
    )
    if not url.startswith(("postgresql://", "postgresql+psycopg://")):
        raise refusal
    try:
        settings = conninfo_to_dict(url.replace("+psycopg", "", 1))
    except ProgrammingError:
        # What libpq says may quote a part of the password.
        raise refusal from None
    return make_conninfo("", **{"connect_timeout": CONNECT_SECONDS, **settings})


def _place(connection: Connection) -> str:
    return f"{connection.info.dbname} at {connection.info.host}:{connection.info.port}"
