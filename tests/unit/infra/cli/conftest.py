"""A running fake API, and the command line pointed at it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli.main import app
from tests.unit.infra.cli.fake_api import KEY, FakeApi

Twolane = Callable[..., Result]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi().running() as running:
        yield running


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of some size and return its path."""

    def make(name: str, size: int = 100) -> Path:
        file = tmp_path / name
        file.write_bytes((name.encode() * (size // len(name) + 1))[:size])
        return file

    return make


@pytest.fixture
def twolane(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Twolane:
    """Run a command against the fake API."""
    monkeypatch.setenv("TWOLANE_URL", api.url)
    monkeypatch.setenv("TWOLANE_API_KEY", KEY)

    def run(*words: str | Path) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


@pytest.fixture
def free_url() -> str:
    """A URL where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
