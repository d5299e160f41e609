"""What the local stack takes from the environment it is started in."""

from __future__ import annotations

import pytest

from infra.local.aws import plain_environment


def test_nothing_that_leads_to_another_account_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "DATABASE_SECRET_ARN", "REDIS_SECRET_ARN", "PYTHONPATH")
    for name in elsewhere:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("LEASE_SECONDS", "5")
    taken = plain_environment()
    assert not set(elsewhere) & set(taken)
    assert taken["LEASE_SECONDS"] == "5"


def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    assert plain_environment()["NO_PROXY"].split(",") == ["intranet.example.com", "127.0.0.1", "localhost"]
