"""What the local stack takes from the environment it is started in."""

from __future__ import annotations

import pytest

from infra.local.aws import plain_environment
from shared.config import DeepSeek, Extraction, Prices, Settings, Textract


def test_nothing_that_leads_to_another_account_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = (
        *("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH"),
        *("DATABASE_SECRET_ARN", "REDIS_SECRET_ARN", "SIGNING_SECRET_ARN"),
    )
    for name in elsewhere:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("LEASE_SECONDS", "5")
    taken = plain_environment()
    assert not set(elsewhere) & set(taken)
    assert taken["LEASE_SECONDS"] == "5"


@pytest.mark.parametrize("kind", [DeepSeek, Extraction, Textract, Prices])
def test_what_was_said_of_models_and_prices_reaches_the_workers(
    kind: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their secrets too: one that is not there is told of by the worker, one that was dropped by nobody."""
    said = {name.upper(): "1" for name in kind.model_fields}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert said.items() <= plain_environment().items()


def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    assert plain_environment()["NO_PROXY"].split(",") == ["intranet.example.com", "127.0.0.1", "localhost"]
