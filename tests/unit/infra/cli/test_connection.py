"""Which API the client commands speak to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.connection import NotConnectedError, connect
from infra.cli.main import app
from infra.local import state


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWOLANE_URL", raising=False)
    monkeypatch.delenv("TWOLANE_API_KEY", raising=False)


@pytest.fixture
def running(tmp_path: Path) -> Path:
    """A data directory on which a stack runs: this process."""
    pid = os.getpid()
    state.write(
        state.StackState(
            url="http://127.0.0.1:9",
            gateway_url="",
            redis_url="",
            database_url="",
            aws_endpoint_url="",
            documents_bucket="",
            pid=pid,
            pid_started=state.process_started(pid) or 0,
            data_dir=str(tmp_path),
            outputs={},
        )
    )
    (tmp_path / "admin.key").write_text("local-key\n")
    return tmp_path


def test_without_a_stack_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--data-dir", str(tmp_path)])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "start one with `twolane up`" in result.stderr


def test_the_running_stack_is_found(running: Path) -> None:
    assert connect(running).url == "http://127.0.0.1:9"


def test_the_environment_goes_before_the_running_stack(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOLANE_URL", "https://ocr.example/")
    monkeypatch.setenv("TWOLANE_API_KEY", "k")

    assert connect(running).url == "https://ocr.example"


def test_the_local_key_is_never_sent_to_another_server(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOLANE_URL", "https://ocr.example")

    with pytest.raises(NotConnectedError, match="TWOLANE_API_KEY is not"):
        connect(running)


def test_a_url_without_a_scheme_is_refused(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOLANE_URL", "ocr.example:8000")

    with pytest.raises(NotConnectedError, match="must start with http"):
        connect(running)


def test_a_stack_without_a_key_file_says_which_file(running: Path) -> None:
    (running / "admin.key").unlink()

    with pytest.raises(NotConnectedError, match=r"admin\.key can't be read"):
        connect(running)
