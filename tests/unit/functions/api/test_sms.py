"""/v1/sms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from shared.bootstrap import Services
from shared.models import JobRow, MessageRow, Spend, utcnow
from shared.services.budgets import next_month
from shared.services.keys import NewKey
from shared.services.suppressions import suppress
from shared.values import SuppressedChannel
from tests.unit.functions.api.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

URL = "/v1/sms"
PHONE = "+4915112345678"


def stored(stack: Services, user: NewKey) -> int:
    """How many messages the user's account has."""
    with stack.database.read() as session:
        query = select(func.count()).select_from(MessageRow).where(MessageRow.account_id == user.account.id)
        return session.scalar(query) or 0


@pytest.fixture
def changed(stack: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment to change, for text messages alone."""
    made = stack.__dict__.pop("sms", None)
    yield monkeypatch
    stack.__dict__.pop("sms", None)
    if made is not None:
        stack.__dict__["sms"] = made


def test_a_text_message_is_accepted_with_its_segments(client: httpx.Client, stack: Services) -> None:
    answer = client.post(URL, json={"to": PHONE, "body": "5 €"})
    said = answer.json()
    assert answer.status_code == 202
    assert {name: said[name] for name in ("encoding", "length", "segments")} == {
        "encoding": "gsm7",
        "length": 4,
        "segments": 1,
    }
    assert answer.headers["location"] == f"/v1/messages/{said['message_id']}"
    assert answer.headers["retry-after"].isdigit()
    state = client.get(answer.headers["location"]).json()
    assert (state["kind"], state["status"], state["recipient"], state["segments"]) == ("sms", "queued", PHONE, 1)
    with stack.database.read() as session:
        row = session.get_one(MessageRow, UUID(said["message_id"]))
        [job] = session.scalars(select(JobRow).where(JobRow.key == f"sms.send:{row.id}")).all()
    assert (row.recipient, row.segments, job.queue) == (PHONE, 1, "sms")


def test_the_same_idempotency_key_makes_one_message(client: httpx.Client, stack: Services, user: NewKey) -> None:
    ask: dict[str, Any] = {"json": {"to": PHONE, "body": "hello"}, "headers": {"Idempotency-Key": "once"}}
    first, second = client.post(URL, **ask), client.post(URL, **ask)
    assert first.json() == second.json()
    assert second.headers["idempotent-replay"] == "true"
    assert stored(stack, user) == 1
    other = client.post(URL, json={"to": PHONE, "body": "something else"}, headers=ask["headers"])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"to": "0151 12345678", "body": "hello"}, (422, "invalid_address")),
        ({"to": "+0151123456", "body": "hello"}, (422, "invalid_address")),
        ({"to": "+49\r\n15112345678", "body": "hello"}, (422, "invalid_address")),
        ({"to": "+\uff14\uff1915112345678", "body": "hello"}, (422, "invalid_address")),
        ({"to": "", "body": "hello"}, (422, "invalid_address")),
        ({"to": PHONE + "1" * 100_000, "body": "hello"}, (422, "invalid_address")),
        ({"to": PHONE, "body": "x" * 1601}, (413, "message_too_large")),
        ({"to": PHONE, "body": "ж" * 1601}, (413, "message_too_large")),
        ({"to": PHONE, "body": "€" * 801}, (413, "message_too_large")),
        ({"to": PHONE, "body": ""}, (422, "invalid_option")),
        ({"to": PHONE, "body": " \n\t"}, (422, "invalid_option")),
        ({"to": PHONE, "body": "null\x00"}, (422, "invalid_option")),
        ({"to": PHONE, "body": "bell\x07"}, (422, "invalid_option")),
        ({"to": PHONE, "body": 5}, (422, "invalid_option")),
        ({"to": None, "body": "hello"}, (422, "invalid_option")),
        ({"to": [PHONE], "body": "hello"}, (422, "invalid_option")),
        ({"to": PHONE}, (422, "invalid_request")),
        ({"body": "hello"}, (422, "invalid_request")),
        ({"to": PHONE, "body": "hello", "from": "Bank"}, (422, "unknown_option")),
        ([], (422, "invalid_request")),
        ("hello", (422, "invalid_request")),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(
    client: httpx.Client, stack: Services, user: NewKey, body: Any, expected: tuple[int, str]
) -> None:
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert stored(stack, user) == 0


def test_half_a_character_is_refused(client: httpx.Client, stack: Services, user: NewKey) -> None:
    answer = client.post(
        URL, content=b'{"to": "+4915112345678", "body": "\\ud83d"}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert stored(stack, user) == 0


def test_who_wants_no_text_messages_is_sent_none(client: httpx.Client, stack: Services, user: NewKey) -> None:
    phone = "+4915100000001"
    with stack.database.write() as work:
        suppress(work.session, SuppressedChannel.SMS, phone, "opt_out")
    answer = client.post(URL, json={"to": phone, "body": "hello"})
    assert (answer.status_code, answer.json()["code"]) == (422, "recipient_suppressed")
    assert stored(stack, user) == 0


@pytest.mark.usefixtures("changed")
def test_where_the_months_budget_is_used_up_the_answer_says_until_when(
    client: httpx.Client, stack: Services, user: NewKey
) -> None:
    period = f"sms:{utcnow():%Y-%m}"
    with stack.database.write() as work:
        work.session.add(Spend(period=period, micros=1_000_000 - 6450 + 1))
    answer = client.post(URL, json={"to": PHONE, "body": "hello"})
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(Spend, period))
    assert (answer.status_code, answer.json()["code"]) == (429, "spend_cap_reached")
    again = utcnow() + timedelta(seconds=int(answer.headers["retry-after"]))
    assert abs(again - next_month(utcnow())) < timedelta(minutes=1)
    assert stored(stack, user) == 0


def test_a_deployment_without_text_messages_says_so(
    client: httpx.Client, stack: Services, user: NewKey, changed: pytest.MonkeyPatch
) -> None:
    changed.setenv("SMS_ENABLED", "false")
    answer = client.post(URL, json={"to": PHONE, "body": "hello"})
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_unavailable")
    assert stored(stack, user) == 0


def test_a_key_is_needed(anonymous: httpx.Client) -> None:
    assert anonymous.post(URL, json={"to": PHONE, "body": "hello"}).status_code == 401
