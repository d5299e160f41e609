"""Engines for PostgreSQL and SQLite that behave alike."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

SQLITE_BUSY_SECONDS = 30.0
"""How long a writer waits for another: SQLite has one at a time."""

SQLITE_CACHE_KIB = 16 * 1024
"""Pages a connection keeps, eight times SQLite's default: finding one row among many thousand costs fewer reads."""

WRITES = "twolane_writes"
"""Execution option of a connection whose transaction will write."""


def make_engine(url: str) -> Engine:
    """Create an engine; nothing connects until it is used.

    Args:
        url: `postgresql+psycopg://...` or `sqlite:///PATH`.
    """
    if url.startswith("sqlite"):
        return _sqlite(url)
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=5,
        connect_args={"connect_timeout": 3},
    )


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


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
