"""/v1/webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import httpx
import pytest

from shared.bootstrap import Services
from shared.events import EVENTS
from shared.models import Delivery, DeliveryAttempt, Webhook, utcnow
from shared.services.keys import NewKey
from shared.services.webhooks import MOST
from tests.support.hostile_urls import LITERAL
from tests.support.rows import Rows
from tests.support.waiting import at_once
from tests.unit.functions.api.conftest import Connect, new_key
from tests.unit.functions.api.sending import assert_refused

URL = "/v1/webhooks"
RECEIVER = "https://example.com/hook"
BODY = {"url": RECEIVER, "events": ["document.completed"]}


@pytest.fixture(scope="module", autouse=True)
def _signing_key(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[None]:
    """The key of the stack."""
    secret = {"Name": f"signing {uuid4()}", "SecretString": '{"password": "the key of this stack"}'}
    environment.setenv("SIGNING_SECRET_ARN", boto3.client("secretsmanager").create_secret(**secret)["ARN"])
    yield
    environment.delenv("SIGNING_SECRET_ARN")
    vars(stack).pop("signing_key", None)


def subscribe(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post(URL, json=BODY | body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def event(user: NewKey, kind: str = "document.completed") -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "type": kind,
        "version": 1,
        "occurred_at": "2026-11-24T12:00:00Z",
        "account_id": str(user.account.id),
        "data": {"document_id": str(uuid4())},
    }


def told(stack: Services, user: NewKey) -> dict[str, Any]:
    """An event, and with it a delivery for each webhook of the user."""
    detail = event(user)
    stack.fan_out.of_event(detail)
    return detail


# --- subscribing


def test_a_webhook_is_made_and_its_secret_shown_once(client: httpx.Client) -> None:
    answer = client.post(URL, json=BODY | {"description": " mine ", "events": ["batch.completed"] * 2})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{URL}/{made['id']}"
    assert (made["url"], made["events"], made["description"]) == (RECEIVER, ["batch.completed"], "mine")
    assert (made["enabled"], made["failures"], made["previous_key_id"]) == (True, 0, None)
    assert made["secret"].startswith("whsec_")
    shown = client.get(answer.headers["location"])
    assert made["secret"] not in shown.text
    assert shown.json() == {name: value for name, value in made.items() if name != "secret"}


def test_every_event_can_be_subscribed_to(client: httpx.Client) -> None:
    assert subscribe(client, events=list(EVENTS))["events"] == list(EVENTS)


def test_the_same_request_again_makes_no_second_webhook_and_shows_no_secret(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = (client.post(URL, json=BODY, headers=headers) for _ in range(2))
    assert second.json() == first.json() | {"secret": None}
    assert second.headers["idempotent-replay"] == "true"
    assert len(client.get(URL).json()["items"]) == 1
    reused = client.post(URL, json=BODY | {"description": "other"}, headers=headers)
    assert_refused(reused, 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "body",
    [
        {"url": RECEIVER},
        {"events": ["document.completed"]},
        BODY | {"events": []},
        BODY | {"events": ["*"]},
        BODY | {"events": ["document.*"]},
        BODY | {"events": ["document.exploded"]},
        BODY | {"events": "document.completed"},
        BODY | {"events": ["document.completed"] * 51},
        BODY | {"description": "a\x00b"},
        BODY | {"description": "a" * 201},
        BODY | {"secret": "mine"},
        BODY | {"url": None},
        BODY | {"url": "a" * 5001},
        [],
    ],
)
def test_wrong_subscriptions_are_refused(client: httpx.Client, body: Any) -> None:
    assert client.post(URL, json=body).status_code == 422


@pytest.mark.parametrize("hostile", LITERAL)
def test_a_hostile_url_is_refused_when_it_is_given(client: httpx.Client, hostile: str) -> None:
    assert_refused(client.post(URL, json=BODY | {"url": hostile.format(port=80)}), 422, "url_not_allowed")


def test_an_account_has_so_many_webhooks_and_no_more(client: httpx.Client) -> None:
    for _ in range(MOST - 2):
        subscribe(client)
    answers = at_once([lambda: client.post(URL, json=BODY)] * 4)
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "too_many_webhooks"}
    gone = client.get(URL).json()["items"][0]["id"]
    assert client.delete(f"{URL}/{gone}").status_code == 204
    subscribe(client)


# --- looking and changing


def test_webhooks_are_listed_in_pages_without_their_secrets(client: httpx.Client) -> None:
    made = [subscribe(client) for _ in range(3)]
    client.get(f"{URL}/callbacks")
    first = client.get(URL, params={"limit": 2})
    second = client.get(URL, params={"limit": 2, "cursor": first.json()["next_cursor"]})
    ids = [item["id"] for answer in (first, second) for item in answer.json()["items"]]
    assert ids == [one["id"] for one in made]
    assert second.json()["next_cursor"] is None
    assert all(one["secret"] not in first.text + second.text for one in made)


def test_a_webhook_is_changed_and_what_is_left_out_stays(client: httpx.Client) -> None:
    made = subscribe(client, description="mine")
    path = f"{URL}/{made['id']}"
    plain = {name: value for name, value in made.items() if name != "secret"}
    assert client.patch(path, json={}).json() == plain
    changed = client.patch(path, json={"url": "http://example.org:8080/x#y", "events": ["batch.completed"]}).json()
    assert (changed["url"], changed["events"]) == ("http://example.org:8080/x", ["batch.completed"])
    assert changed["description"] == "mine"
    off = client.patch(path, json={"enabled": False, "description": ""}).json()
    assert (off["enabled"], off["description"], off["disabled_at"] is not None) == (False, "", True)
    on = client.patch(path, json={"enabled": True}).json()
    assert (on["enabled"], on["disabled_at"], on["disabled_reason"]) == (True, None, None)
    assert_refused(client.patch(path, json={"url": "http://127.1/"}), 422, "url_not_allowed")
    assert client.patch(path, json={"events": []}).status_code == 422


def test_enabling_forgets_the_failures_that_disabled_it(client: httpx.Client, stack: Services) -> None:
    made = subscribe(client)
    failed = {"failures": 20, "failing_since": utcnow(), "disabled_at": utcnow(), "disabled_reason": "It failed."}
    Rows(stack.database).change(Webhook, UUID(made["id"]), enabled=False, **failed)
    shown = client.get(f"{URL}/{made['id']}").json()
    assert (shown["enabled"], shown["failures"], shown["disabled_reason"]) == (False, 20, "It failed.")
    on = client.patch(f"{URL}/{made['id']}", json={"enabled": True}).json()
    assert (on["enabled"], on["failures"], on["failing_since"], on["disabled_reason"]) == (True, 0, None, None)


def test_a_deleted_webhook_is_gone_with_its_deliveries(client: httpx.Client, stack: Services, user: NewKey) -> None:
    made = subscribe(client)
    told(stack, user)
    [delivery] = client.get(f"{URL}/{made['id']}/deliveries").json()["items"]
    assert client.delete(f"{URL}/{made['id']}").status_code == 204
    for path in (made["id"], f"{made['id']}/deliveries", f"deliveries/{delivery['id']}"):
        assert_refused(client.get(f"{URL}/{path}"), 404, "not_found")
    assert_refused(client.delete(f"{URL}/{made['id']}"), 404, "not_found")


# --- rotating


def test_a_rotation_shows_a_new_secret_and_names_the_old_one_for_a_day(client: httpx.Client, stack: Services) -> None:
    made = subscribe(client)
    path = f"{URL}/{made['id']}"
    answer = client.post(f"{path}/rotate")
    rotated = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (200, path)
    assert rotated["secret"] != made["secret"]
    assert (rotated["previous_key_id"], rotated["key_id"] != made["key_id"]) == (made["key_id"], True)
    again = client.post(f"{path}/rotate").json()
    assert again["previous_key_id"] == rotated["key_id"]
    Rows(stack.database).change(Webhook, UUID(made["id"]), previous_until=utcnow() - timedelta(seconds=1))
    shown = client.get(path).json()
    assert (shown["previous_key_id"], shown["previous_until"]) == (None, None)


def test_the_same_rotation_again_rotates_nothing(client: httpx.Client) -> None:
    path = f"{URL}/{subscribe(client)['id']}/rotate"
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = (client.post(path, headers=headers).json() for _ in range(2))
    assert second == first | {"secret": None}


def test_callbacks_have_a_secret_to_be_asked_for(client: httpx.Client, stranger: httpx.Client) -> None:
    shown = client.get(f"{URL}/callbacks").json()
    assert (shown["url"], shown["events"], shown["enabled"]) == (None, [], True)
    rotated = client.post(f"{URL}/callbacks/rotate").json()
    assert (rotated["id"], rotated["previous_key_id"]) == (shown["id"], shown["key_id"])
    assert rotated["secret"].startswith("whsec_")
    assert stranger.get(f"{URL}/callbacks").json()["id"] != shown["id"]
    assert client.get(f"{URL}/callbacks/deliveries").json() == {"items": [], "next_cursor": None}
    # It is no subscription, to be changed or removed.
    for method in ("PATCH", "DELETE"):
        body = {"enabled": False} if method == "PATCH" else None
        assert client.request(method, f"{URL}/{shown['id']}", json=body).status_code == 404


# --- deliveries


def test_deliveries_are_listed_with_their_attempts(client: httpx.Client, stack: Services, user: NewKey) -> None:
    made = subscribe(client)
    details = [told(stack, user) for _ in range(3)]
    listed = client.get(f"{URL}/{made['id']}/deliveries").json()["items"]
    assert [one["event_id"] for one in listed] == [detail["id"] for detail in reversed(details)]
    attempt = DeliveryAttempt(
        delivery_id=UUID(listed[0]["id"]),
        number=1,
        duration_ms=17,
        request_excerpt="POST ...",
        response_status=500,
        response_excerpt="oh no",
        error_code="delivery_failed",
        error_message="The receiver answered 500.",
    )
    with stack.database.write() as work:
        work.session.add(attempt)
    shown = client.get(f"{URL}/deliveries/{listed[0]['id']}").json()
    [tried] = shown["attempts"]
    assert (tried["number"], tried["duration_ms"], tried["response"], tried["response_status"]) == (1, 17, "oh no", 500)
    assert tried["error"] == {"code": "delivery_failed", "message": "The receiver answered 500."}
    assert (shown["status"], shown["error"], shown["url"]) == ("pending", None, RECEIVER)
    assert shown["next_attempt_at"] is not None
    first = client.get(f"{URL}/{made['id']}/deliveries", params={"limit": 2}).json()
    assert first["items"][0] == shown
    rest = client.get(f"{URL}/{made['id']}/deliveries", params={"cursor": first["next_cursor"]}).json()
    assert [one["event_id"] for one in rest["items"]] == [details[0]["id"]]
    failed = client.get(f"{URL}/{made['id']}/deliveries", params={"status": "failed"}).json()
    assert failed == {"items": [], "next_cursor": None}


def test_a_list_fits_into_one_answer(client: httpx.Client, stack: Services, user: NewKey) -> None:
    made = subscribe(client)
    for _ in range(4):
        told(stack, user)
    listed = client.get(f"{URL}/{made['id']}/deliveries").json()["items"]
    with stack.database.write() as work:
        for one in listed:
            big = {"request_excerpt": "\x01" * 3_000, "response_excerpt": "\x01" * 1_000}
            tries = (DeliveryAttempt(delivery_id=UUID(one["id"]), number=number, **big) for number in range(100))
            work.session.add_all(tries)
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(f"{URL}/{made['id']}/deliveries", params=cursor)
        assert len(answer.content) < 6_000_000
        ids += [one["id"] for one in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json()["next_cursor"]}
    assert ids == [one["id"] for one in listed]


def test_a_replay_is_a_new_delivery_of_the_same_event_to_where_the_webhook_is_now(
    client: httpx.Client, stack: Services, user: NewKey
) -> None:
    made = subscribe(client)
    detail = told(stack, user)
    [old] = client.get(f"{URL}/{made['id']}/deliveries").json()["items"]
    client.patch(f"{URL}/{made['id']}", json={"url": "https://example.org/new"})
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = (client.post(f"{URL}/deliveries/{old['id']}/replay", headers=headers) for _ in range(2))
    replay = first.json()
    assert (first.status_code, first.headers["location"]) == (202, f"{URL}/deliveries/{replay['id']}")
    assert first.headers["retry-after"]
    assert second.json() == replay
    assert (replay["replay_of"], replay["event_id"], replay["status"]) == (old["id"], detail["id"], "pending")
    assert (replay["id"] != old["id"], replay["url"]) == (True, "https://example.org/new")
    with stack.database.read() as session:
        bodies = [session.get_one(Delivery, UUID(one["id"])).body for one in (old, replay)]
    assert bodies[0] == bodies[1]
    assert json.loads(bodies[0]) == detail
    # Without a key it is another each time.
    assert client.post(f"{URL}/deliveries/{replay['id']}/replay").json()["id"] not in {old["id"], replay["id"]}
    assert len(client.get(f"{URL}/{made['id']}/deliveries").json()["items"]) == 3


def test_nothing_is_replayed_to_a_webhook_that_is_disabled(client: httpx.Client, stack: Services, user: NewKey) -> None:
    made = subscribe(client)
    told(stack, user)
    [old] = client.get(f"{URL}/{made['id']}/deliveries").json()["items"]
    client.patch(f"{URL}/{made['id']}", json={"enabled": False})
    assert_refused(client.post(f"{URL}/deliveries/{old['id']}/replay"), 409, "conflict")


# --- whose they are


def test_another_accounts_webhook_and_deliveries_are_unknown(
    client: httpx.Client, stranger: httpx.Client, admin: httpx.Client, stack: Services, user: NewKey
) -> None:
    made = subscribe(client)
    told(stack, user)
    [delivery] = client.get(f"{URL}/{made['id']}/deliveries").json()["items"]
    requests = [
        ("GET", made["id"], None),
        ("PATCH", made["id"], {"enabled": False}),
        ("DELETE", made["id"], None),
        ("POST", f"{made['id']}/rotate", None),
        ("GET", f"{made['id']}/deliveries", None),
        ("GET", f"deliveries/{delivery['id']}", None),
        ("POST", f"deliveries/{delivery['id']}/replay", None),
    ]
    for other in (stranger, admin):
        for method, path, body in requests:
            assert_refused(other.request(method, f"{URL}/{path}", json=body), 404, "not_found")
        assert other.get(URL).json()["items"] == []
    assert client.get(f"{URL}/{made['id']}").json()["key_id"] == made["key_id"]


def test_what_is_no_id_names_nothing_and_nobody_comes_in_without_a_key(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    for method, path in (("GET", "x"), ("DELETE", "x"), ("GET", "x/deliveries"), ("GET", "deliveries/x")):
        assert_refused(client.request(method, f"{URL}/{path}"), 404, "not_found")
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/callbacks"), ("POST", "/callbacks/rotate")):
        assert anonymous.request(method, URL + path, json=BODY if path == "" else None).status_code == 401


def test_without_the_stacks_key_no_webhook_is_made(
    client: httpx.Client, stack: Services, environment: pytest.MonkeyPatch, connect: Connect
) -> None:
    del client
    key = new_key(stack)
    client = connect(key.secret)
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gone"
    vars(stack).pop("signing_key", None)
    with environment.context() as patch:
        patch.setenv("SIGNING_SECRET_ARN", arn)
        assert client.post(URL, json=BODY).status_code == 500
        assert client.get(URL).json()["items"] == []
