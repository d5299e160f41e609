"""Finding the running stack, and never a dead one."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local import state
from infra.local.state import StackState


@pytest.fixture
def running(tmp_path: Path) -> StackState:
    """A stack that this process holds."""
    return StackState(
        url="http://127.0.0.1:8000",
        gateway_url="http://127.0.0.1:4566/_aws/execute-api/abc/$default",
        redis_url="redis://127.0.0.1:6379/0",
        database_url=f"sqlite:///{tmp_path}/twolane.db",
        aws_endpoint_url="http://127.0.0.1:4566",
        documents_bucket="documents",
        pid=os.getpid(),
        pid_started=state.process_started(os.getpid()) or 0,
        data_dir=str(tmp_path),
        outputs={"ApiId": "abc"},
    )


def test_what_was_written_is_read(running: StackState, tmp_path: Path) -> None:
    state.write(running)
    assert state.read(tmp_path) == running


def test_it_is_found_by_a_relative_path(running: StackState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write(running)
    monkeypatch.chdir(tmp_path.parent)
    assert state.read(Path(tmp_path.name)) == running


def test_where_nothing_runs_there_is_nothing(tmp_path: Path) -> None:
    assert state.read(tmp_path) is None
    assert state.read(tmp_path / "missing") is None


def test_a_stack_that_was_killed_is_not_found(running: StackState, tmp_path: Path) -> None:
    # Above the kernel's largest process id (2^22).
    state.write(replace(running, pid=2**22 + 1))
    assert state.read(tmp_path) is None


def test_another_process_with_its_number_is_not_taken_for_it(running: StackState, tmp_path: Path) -> None:
    state.write(replace(running, pid_started=running.pid_started - 1))
    assert state.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "x"}', "null"])
def test_a_damaged_file_is_no_stack(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    assert state.read(tmp_path) is None


def test_a_removed_stack_is_gone_however_often(running: StackState, tmp_path: Path) -> None:
    state.write(running)
    state.remove(tmp_path)
    state.remove(tmp_path)
    assert state.read(tmp_path) is None


def test_files_are_for_their_owner_alone_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "admin.key"
    state.write_atomically(path, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_can_join_with_the_environment(running: StackState, tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text("tl_key\n")
    assert running.admin_key == "tl_key"
    assert running.environment["DOCUMENTS_BUCKET"] == "documents"
    assert running.environment["AWS_ENDPOINT_URL"] == running.aws_endpoint_url
