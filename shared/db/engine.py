"""Engines for PostgreSQL and SQLite that behave alike."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, NullPool, create_engine, event, make_url

CONNECT_SECONDS = 3
"""How long a connection to PostgreSQL may take to be made."""

SQLITE_BUSY_SECONDS = 30.0
"""How long a writer waits for another: SQLite has one at a time."""

SQLITE_CACHE_KIB = 16 * 1024
"""Pages a connection keeps, eight times SQLite's default: finding one row among many thousand costs fewer reads."""

WRITES = "twolane_writes"
"""Execution option of a connection whose transaction will write."""


def make_engine(url: str, pool_size: int = 5) -> Engine:
    """Create an engine; nothing connects until it is used.

    Args:
        url: `postgresql+psycopg://...` or `sqlite:///PATH`; `?connect_timeout=SECONDS` waits longer than
            `CONNECT_SECONDS` for a database that must wake up first.
        pool_size: connections to PostgreSQL that are kept; twice as many may be open at once. 0 keeps none.
    """
    if url.startswith("sqlite"):
        return _sqlite(url)
    patience = {} if "connect_timeout" in make_url(url).query else {"connect_timeout": CONNECT_SECONDS}
    pool: dict[str, Any] = {"pool_pre_ping": True, "pool_size": pool_size, "max_overflow": pool_size}
    if pool_size == 0:
        pool = {"poolclass": NullPool}
    # Errors get into logs and dead letters, where tokens and texts that were to be stored have no business.
    engine = create_engine(url, connect_args=patience, hide_parameters=True, **pool)
    event.listen(engine, "handle_error", _hide_row)
    return engine


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _hide_row(context: ExceptionContext) -> None:
    """Keep what PostgreSQL says is wrong, and not the detail, which quotes the row or the key that it refused."""
    said = getattr(getattr(context.original_exception, "diag", None), "message_primary", None)
    if said is None:
        return
    context.original_exception.args = (said,)
    if context.sqlalchemy_exception is not None:
        kind = type(context.original_exception)
        context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__name__}) {said}",)


def _configure_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    """WAL lets readers and one writer work side by side; NORMAL survives a killed process without an fsync a commit."""
    del record
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once where the transaction will write: a later upgrade would fail instead of waiting."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
