"""A key for an operator, who has no key yet to ask the API with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.create_key.handler import handler
from infra.migrations.run import upgrade
from shared.bootstrap import forget, services
from shared.config import ConfigurationError
from shared.errors import InvalidOption

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / "create_key.json").read_text())


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A migrated database, and nothing else: neither Redis nor a bucket."""
    url = f"sqlite:///{tmp_path}/twolane.db"
    upgrade(url)
    monkeypatch.setenv("DATABASE_URL", url)
    for name in ("REDIS_URL", "DOCUMENTS_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    services.cache_clear()
    yield
    forget()


def test_the_key_speaks_for_the_account_in_its_role() -> None:
    made = handler(EVENT, None)
    caller = services().keys.authenticate(made["key"])
    assert (str(caller.account_id), str(caller.key_id)) == (made["account_id"], made["id"])
    assert (made["account"], made["name"], made["role"], caller.role) == ("acme", "first key", "admin", "admin")


def test_without_a_role_it_is_a_users() -> None:
    made = handler({"account": "acme", "name": "laptop"}, None)
    assert services().keys.authenticate(made["key"]).role == "user"


def test_invoked_twice_it_makes_two_keys_of_one_account() -> None:
    first, second = handler(EVENT, None), handler(EVENT, None)
    assert first["key"] != second["key"]
    assert first["account_id"] == second["account_id"]


def test_nobody_but_the_caller_sees_the_key(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        made = handler(EVENT, None)
    seen = "".join(capfd.readouterr()) + caplog.text
    assert made["key"] not in seen


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        ({}, "account: Field required; name: Field required"),
        ({"account": "acme", "name": " "}, "name: String should have at least 1 character"),
        ({"account": "acme", "name": "a", "role": "root"}, "role: Input should be 'user' or 'admin'"),
        ({"account": "acme", "name": "a", "admin": True}, "admin: Extra inputs are not permitted"),
        ({"account": 17, "name": "a"}, "account: Input should be a valid string"),
        ({"account": "acme", "name": "a\nb"}, "name: String should match pattern"),
        ("acme", "event: Input should be a valid dictionary"),
        (None, "event: Input should be a valid dictionary"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(event: Any, wrong: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        handler(event, None)
    sentence = str(refused.value)
    assert sentence.startswith('No key was made; send {"account": "NAME",')
    assert wrong in sentence
    assert "\n" not in sentence


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        handler(EVENT, None)
