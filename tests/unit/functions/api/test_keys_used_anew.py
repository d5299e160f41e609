"""An Idempotency-Key after its day names a new request; within it, whatever befalls, the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import update

from shared.bootstrap import Services
from shared.errors import DatabaseUnavailable
from shared.models import IdempotencyRow, utcnow
from shared.services.emails import Emails
from shared.services.idempotency import Idempotency
from shared.services.keys import NewKey
from tests.unit.functions.api.subscribing import BODY, event, signing_key, subscribe

MAIL = {"subject": "Hello", "body": "there"}
HEADERS = {"Idempotency-Key": "k"}

REQUESTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "mail": ("/v1/emails", MAIL | {"to": "ada@example.com"}, "message_id"),
    "token": ("/v1/emails/verification", {"to": "ada@example.com", "token": "t"}, "message_id"),
    "bulk": ("/v1/emails/bulk", MAIL | {"recipients": ["ada@example.com"]}, "message_id"),
    "text message": ("/v1/sms", {"to": "+4915112345678", "body": "there"}, "message_id"),
    "notification": ("/v1/notifications", {"title": "Hello", "body": "there"}, "message_id"),
    "webhook": ("/v1/webhooks", BODY, "id"),
    "upload": ("/v1/uploads", {"filename": "a.png", "media_type": "image/png", "size_bytes": 9}, "document_id"),
}

Ask = Callable[[], str]


@pytest.fixture(autouse=True)
def signing(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[None]:
    """Webhooks need a key that signs."""
    with signing_key(environment, stack):
        yield


@pytest.fixture(params=[*REQUESTS, "rotation", "replay"])
def ask(request: pytest.FixtureRequest, client: httpx.Client, stack: Services, user: NewKey) -> Ask:
    """Sends one request with one key; gives the id of what it made."""
    if request.param in REQUESTS:
        path, body, name = REQUESTS[request.param]
    else:
        webhook = subscribe(client)
        path, body, name = f"/v1/webhooks/{webhook['id']}/rotate", {}, "key_id"
        if request.param == "replay":
            stack.fan_out.of_event(event(user))
            [delivery] = client.get(f"/v1/webhooks/{webhook['id']}/deliveries").json()["items"]
            path, name = f"/v1/webhooks/deliveries/{delivery['id']}/replay", "id"

    def send() -> str:
        answer = client.post(path, json=body or None, headers=HEADERS)
        assert answer.status_code in {200, 201, 202}, answer.text
        made: str = answer.json()[name]
        return made

    return send


def change(stack: Services, user: NewKey, **columns: object) -> None:
    """Let time pass for the keys of an account."""
    with stack.database.write() as work:
        mine = IdempotencyRow.account_id == user.row.account_id
        work.session.execute(update(IdempotencyRow).where(mine).values(**columns))


def test_after_its_day_a_key_is_a_new_request(ask: Ask, stack: Services, user: NewKey) -> None:
    first = ask()
    change(stack, user, created_at=utcnow() - timedelta(hours=25))
    second = ask()
    assert second != first
    assert ask() == second


def test_within_its_day_it_is_the_same_even_where_the_answer_was_lost(
    ask: Ask, stack: Services, user: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Idempotency, "finish", lambda *_: None)
        first = ask()
    change(stack, user, locked_until=utcnow())
    assert ask() == first
    assert ask() == first


def test_what_failed_after_it_was_done_is_not_done_twice(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Emails.send
    made = []

    def lose(*given: Any) -> None:
        made.append(str(send(*given)))
        message = "The connection went away while it committed."
        raise DatabaseUnavailable(message)

    mail = MAIL | {"to": f"{uuid4().hex}@example.com"}
    with monkeypatch.context() as patch:
        patch.setattr(Emails, "send", lose)
        assert client.post("/v1/emails", json=mail, headers=HEADERS).status_code == 503
    again = client.post("/v1/emails", json=mail, headers=HEADERS)
    assert (again.status_code, [again.json()["message_id"]]) == (202, made)


def test_another_request_may_take_the_key_of_one_that_failed(client: httpx.Client) -> None:
    wrong = client.post("/v1/emails", json=MAIL | {"to": "nobody"}, headers=HEADERS)
    assert wrong.json()["code"] == "invalid_address"
    right = client.post("/v1/emails", json=MAIL | {"to": "ada@example.com"}, headers=HEADERS)
    assert right.status_code == 202
    other = client.post("/v1/emails", json=MAIL | {"to": "bob@example.com"}, headers=HEADERS)
    assert other.json()["code"] == "idempotency_key_reused"
