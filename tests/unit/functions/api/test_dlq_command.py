"""`twolane dlq` against the real API."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from infra.cli.main import app
from shared.bootstrap import Services
from shared.models import DeadLetter
from tests.unit.functions.api.conftest import new_key
from tests.unit.functions.api.test_dlq import given_up

Twolane = Callable[..., Result]


@pytest.fixture
def twolane(url: str, stack: Services, monkeypatch: pytest.MonkeyPatch) -> Twolane:
    """Runs a command as an admin."""
    monkeypatch.setenv("TWOLANE_URL", url)
    monkeypatch.setenv("TWOLANE_API_KEY", new_key(stack, "admin").secret)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, ["dlq", *map(str, words)])


@pytest.fixture
def code() -> str:
    """An error no other test has."""
    return f"code_{uuid4().hex[:8]}"


def test_dead_letters_are_listed_until_they_are_settled(twolane: Twolane, stack: Services, code: str) -> None:
    job_id = given_up(stack, error_code=code, error_message="gone [bold]now")
    listed = twolane("list", "--code", code)
    assert listed.exit_code == 0
    for word in (str(job_id), "light", "email.send", "gone [bold]now"):
        assert word in listed.stdout
    assert twolane("resolve", job_id, "--note", "called them").exit_code == 0
    assert "No dead letters." in twolane("list", "--code", code).stdout
    [item] = json.loads(twolane("list", "--code", code, "--all", "--json").stdout)["items"]
    assert (item["id"], item["note"]) == (str(job_id), "called them")


def test_one_is_shown_with_payload_and_traceback_and_moves_no_cursor(
    twolane: Twolane, stack: Services, code: str
) -> None:
    job_id = given_up(stack, error_code=code, error_message="\x1b[2Jgone")
    shown = twolane("show", job_id)
    assert shown.exit_code == 0
    assert "message_id" in shown.stdout
    assert "Traceback ..." in shown.stdout
    assert "\x1b[2J" not in shown.stdout
    assert json.loads(twolane("show", job_id, "--json").stdout)["id"] == str(job_id)


def test_those_named_are_put_back(twolane: Twolane, stack: Services) -> None:
    ids = [given_up(stack) for _ in range(2)]
    result = twolane("requeue", *ids)
    assert (result.exit_code, result.stdout.strip()) == (0, "2 put back.")
    with stack.database.read() as session:
        assert {session.get_one(DeadLetter, one).resolution for one in ids} == {"requeued"}


def test_those_that_fit_are_put_back(twolane: Twolane, stack: Services, code: str) -> None:
    for _ in range(2):
        given_up(stack, error_code=code)
    result = twolane("requeue", "--code", code, "--lane", "light", "--json")
    assert json.loads(result.stdout) == {"requeued": 2, "refused": 0}


def test_what_cannot_be_put_back_is_said_and_the_others_go_on(twolane: Twolane, stack: Services) -> None:
    settled, other = given_up(stack), given_up(stack)
    twolane("resolve", settled)
    result = twolane("requeue", settled, other)
    assert result.exit_code == 1
    assert "1 put back, 1 can't be put back." in result.stdout
    assert "Somebody resolved this dead letter" in result.stderr


@pytest.mark.parametrize("words", [["requeue"], ["requeue", str(uuid4()), "--all"], ["show", "nonsense"], ["show"]])
def test_what_makes_no_sense_is_a_usage_error(twolane: Twolane, words: list[str]) -> None:
    assert twolane(*words).exit_code == 2


def test_an_unknown_one_is_said_to_be_unknown(twolane: Twolane) -> None:
    result = twolane("show", uuid4())
    assert result.exit_code == 1
    assert "There is no such dead letter." in result.stderr
