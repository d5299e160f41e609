"""`twolane demo`, on a stack that is the fake API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra import samples
from infra.cli import demo
from infra.local.errors import LocalStackError
from tests.unit.infra.cli.conftest import Twolane
from tests.unit.infra.cli.fake_api import KEY, FakeApi


@pytest.fixture
def data_dirs(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The data directories the demo started stacks on."""
    used: list[Path] = []

    @contextmanager
    def stack(*, data_dir: Path, **_: Any) -> Iterator[SimpleNamespace]:
        used.append(data_dir)
        yield SimpleNamespace(url=api.url, admin_key=KEY)

    monkeypatch.setattr(demo, "running_stack", stack)
    return used


def test_the_demo_shows_every_text_and_cleans_up(twolane: Twolane, api: FakeApi, data_dirs: list[Path]) -> None:
    api.texts = {name: samples.expected_text(name) for name in samples.NAMES}

    result = twolane("demo")

    assert result.exit_code == 0, result.output
    for phrase in ("PEPPER & PLUM", "Dear Ms. Quillfeather", "100.0%", "make up", *samples.NAMES):
        assert phrase in result.output
    assert {"clean": "true", "deskew": "true"} in api.options
    assert not data_dirs[0].exists()


def test_a_sample_read_badly_fails_the_demo(twolane: Twolane, api: FakeApi, data_dirs: list[Path]) -> None:
    api.texts = {name: samples.expected_text(name) for name in samples.NAMES[1:]}

    result = twolane("demo")

    assert result.exit_code == 1
    assert "not read as they should be" in result.output
    assert data_dirs


def test_a_stack_that_does_not_start_is_one_sentence(twolane: Twolane, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def stack(**_: Any) -> Iterator[None]:
        raise LocalStackError("redis-server is not installed")
        yield

    monkeypatch.setattr(demo, "running_stack", stack)

    result = twolane("demo")

    assert result.exit_code == 1
    assert "redis-server is not installed" in result.output
