"""Programs that tests start: where they are, and on which port they listen."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

POSTGRESQL_HOMES = "/usr/lib/postgresql"
"""Where Debian and Ubuntu keep PostgreSQL's own programs, one directory a version, none of them on PATH."""


def find(name: str) -> str:
    """Return the path of a program; of several PostgreSQL versions the newest.

    Raises:
        FileNotFoundError: it is not installed.
    """
    on_path = shutil.which(name)
    if on_path:
        return on_path
    versions = sorted(Path(POSTGRESQL_HOMES).glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    if versions:
        return str(versions[-1])
    message = f"{name} is not installed; `make test` installs it and then runs the tests."
    raise FileNotFoundError(message)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
