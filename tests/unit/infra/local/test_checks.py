"""What is said when the stack cannot start: one sentence that says what to do."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.local import checks
from infra.local.errors import LocalStackError
from infra.local.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A data directory."""
    return checks.data_directory(tmp_path / "data")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port something listens on."""
    with socket.socket() as listener:
        listener.bind((checks.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_missing_program_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match=r"^redis-server is not installed; run `make tools`"):
        checks.binary("redis-server")


def test_a_missing_tool_is_named_with_the_remedy() -> None:
    with pytest.raises(LocalStackError, match=r"^ministack is not installed in \.tools/nowhere; run `make tools`"):
        checks.tool("nowhere", "ministack")


def test_a_data_directory_is_made_with_all_it_needs(tmp_path: Path) -> None:
    layout = checks.data_directory(tmp_path / "a" / "b")
    assert layout.logs.is_dir()
    assert not (layout.root / ".writable").exists()


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalStackError, match=r"cannot be used: .*; choose another with --data-dir$"):
        checks.data_directory(tmp_path / "file")


def test_a_data_directory_inside_a_read_only_file_system_is_refused() -> None:
    with pytest.raises(LocalStackError, match="cannot be used"):
        checks.data_directory(Path("/proc/twolane"))


def test_two_stacks_do_not_share_a_data_directory(layout: Layout) -> None:
    with (
        checks.exclusive(layout),
        pytest.raises(LocalStackError, match=rf"another twolane is running on .* \(pid {os.getpid()}\)"),
        checks.exclusive(layout),
    ):
        pass


def test_a_data_directory_is_free_again_afterwards(layout: Layout) -> None:
    for _ in range(2):
        with checks.exclusive(layout):
            assert layout.lock.read_text() == str(os.getpid())


def test_no_database_yet_is_fine(layout: Layout) -> None:
    checks.sound_database(layout)
    assert not layout.database.exists()


def test_a_sound_database_is_fine(layout: Layout) -> None:
    with closing(sqlite3.connect(layout.database)) as connection:
        connection.execute("CREATE TABLE t (x)")
    checks.sound_database(layout)


def test_a_file_that_is_no_database_is_refused(layout: Layout) -> None:
    layout.database.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(LocalStackError, match=r"is damaged \(file is not a database\); put a good copy there"):
        checks.sound_database(layout)


def test_a_torn_database_is_refused(layout: Layout) -> None:
    with closing(sqlite3.connect(layout.database)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
        connection.commit()
    size = layout.database.stat().st_size
    with layout.database.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 2))
    with pytest.raises(LocalStackError, match="is damaged"):
        checks.sound_database(layout)


def test_a_port_in_use_is_refused_with_the_remedy(taken_port: int) -> None:
    with pytest.raises(LocalStackError, match=rf"^port {taken_port} is already in use; .*--port$"):
        checks.wanted_port(taken_port)


def test_a_port_that_cannot_be_is_refused() -> None:
    with pytest.raises(LocalStackError, match="port 70000"):
        checks.wanted_port(70000)


def test_zero_means_any_free_port() -> None:
    assert checks.wanted_port(0) > 0


def test_ports_are_the_same_the_next_time(layout: Layout) -> None:
    first = checks.remembered_ports(layout, ("redis", "aws"))
    assert checks.remembered_ports(layout, ("redis", "aws")) == first
    assert len(set(first.values())) == len(first)


def test_a_port_taken_meanwhile_is_replaced(layout: Layout, taken_port: int) -> None:
    layout.ports.write_text(f'{{"redis": {taken_port}}}')
    assert checks.remembered_ports(layout, ("redis",))["redis"] != taken_port


@pytest.mark.parametrize("text", ["", "[]", '{"redis": "x"}', "{"])
def test_a_damaged_memory_of_ports_is_forgotten(layout: Layout, text: str) -> None:
    layout.ports.write_text(text)
    assert checks.remembered_ports(layout, ("redis",))["redis"] > 0
