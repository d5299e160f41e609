"""What must be true before the stack starts; each failure is one sentence that says what to do."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from infra.local.errors import LocalStackError
from infra.local.layout import PROJECT, Layout
from infra.local.state import write_atomically

HOST = "127.0.0.1"


def binary(name: str) -> str:
    """The path of a program this machine must have.

    Raises:
        LocalStackError: it is not installed.
    """
    if path := shutil.which(name):
        return path
    raise LocalStackError(f"{name} is not installed; run `make tools`, which installs it")


def tool(environment: str, name: str) -> Path:
    """The path of a Python program that lives in an environment of its own under `.tools`.

    Raises:
        LocalStackError: it is not installed.
    """
    path = PROJECT / ".tools" / environment / "bin" / name
    if path.exists():
        return path
    raise LocalStackError(f"{name} is not installed in .tools/{environment}; run `make tools`, which installs it")


def data_directory(path: Path) -> Layout:
    """Make the data directory and prove that it can be written.

    Raises:
        LocalStackError: it cannot.
    """
    layout = Layout(path.absolute())
    try:
        for directory in (layout.root, layout.logs, layout.aws, layout.mail, layout.sources):
            directory.mkdir(parents=True, exist_ok=True)
        write_atomically(layout.root / ".writable", "")
        (layout.root / ".writable").unlink()
    except OSError as error:
        raise LocalStackError(
            f"the data directory {layout.root} cannot be used: {error.strerror}; choose another with --data-dir"
        ) from error
    return layout


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Hold the data directory alone; the kernel lets go of it however this process ends.

    Raises:
        LocalStackError: another process holds it.
    """
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
            raise LocalStackError(
                f"another twolane is running on {layout.root} (pid {holder}); stop it, or choose another --data-dir"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def sound_database(layout: Layout) -> None:
    """Refuse a database file that SQLite cannot read.

    Raises:
        LocalStackError: the file is damaged or not a database.
    """
    if not layout.database.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{layout.database}?mode=rw", uri=True)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise LocalStackError(
            f"the database {layout.database} is damaged ({found}); put a good copy there, or move it away to start anew"
        )


def wanted_port(port: int) -> int:
    """`port` if it is free, any free one for 0.

    Raises:
        LocalStackError: something else listens there.
    """
    if port and not _is_free(port):
        raise LocalStackError(f"port {port} is already in use; stop what listens there, or choose another with --port")
    return port or _any_port()


def remembered_ports(layout: Layout, names: tuple[str, ...]) -> dict[str, int]:
    """A free port for each name: last time's where it still is free, so that what was deployed stays true."""
    try:
        last = {str(name): int(port) for name, port in json.loads(layout.ports.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        last = {}
    ports = {name: last[name] if name in last and _is_free(last[name]) else _any_port() for name in names}
    write_atomically(layout.ports, json.dumps(ports) + "\n")
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still being forgotten is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
