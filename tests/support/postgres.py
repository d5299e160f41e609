"""A PostgreSQL cluster of the tests' own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql

from tests.support.programs import find, free_port
from tests.support.waiting import wait_until

SERVERS_USERS = ("postgres", "nobody")
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses: the first that exists."""

SETTINGS = {
    # Nothing here outlives the tests, so nothing need reach the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # A deadlock is a mistake to be found soon.
    "deadlock_timeout": "200ms",
}


END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""Ends every other connection to this database and waits up to five seconds for each."""


class PostgresCluster:
    """A temporary cluster on a free port of 127.0.0.1, without passwords."""

    def __init__(self) -> None:
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="twolane-postgres-"))
        self._numbers = count(1)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Make the cluster and start it.

        Raises:
            FileNotFoundError: PostgreSQL is not installed.
        """
        initdb, server = find("initdb"), find("postgres")
        identity = _identity(self._home)
        data = str(self._home / "data")
        subprocess.run(
            [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self._home,
            **identity,
        )
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("wb") as log:
            self._server = subprocess.Popen(
                [server, "-D", data, "-p", str(self.port), *options], stdout=log, stderr=log, cwd=self._home, **identity
            )
        wait_until(self._answers, 20, "PostgreSQL's first answer")
        return self

    def stop(self) -> None:
        """Stop it and remove its files."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)  # at once: nothing here is worth a checkpoint
            self._server.wait(20)
        shutil.rmtree(self._home)

    def create_database(self, template: str | None = None) -> str:
        """Create an empty database, or a copy of the one at URL `template`, and return its URL."""
        name = f"test_{next(self._numbers)}"
        source = f' TEMPLATE "{_name(template)}"' if template else ""
        self._execute(f'CREATE DATABASE "{name}"{source}')
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(f'DROP DATABASE "{_name(url)}" WITH (FORCE)')

    def empty_tables(self, url: str, tables: Sequence[str]) -> None:
        """Delete every row of a database, in the order given, whoever is still connected to it."""
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(END_OTHERS)
            for table in tables:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))

    @property
    def log(self) -> Path:
        """What the server says."""
        return self._home / "log"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._maintenance, autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def _maintenance(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _answers(self) -> bool:
        if self._server is None or self._server.poll() is not None:
            message = f"PostgreSQL ended while it started:\n{self.log.read_text()}"
            raise RuntimeError(message)
        try:
            psycopg.connect(self._maintenance, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _identity(home: Path) -> dict[str, Any]:
    """The arguments that start a process as somebody other than root, who is made the owner of `home`."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in SERVERS_USERS if name in known)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _name(url: str | None) -> str:
    return (url or "").rpartition("/")[2]
