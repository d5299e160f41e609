"""/v1/webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bootstrap import Services, services
from shared.events import EVENTS
from shared.models import Webhook, utcnow
from shared.services.keys import NewKey
from shared.services.webhooks import MOST
from tests.support.hostile_urls import LITERAL
from tests.support.rows import Rows
from tests.support.waiting import at_once
from tests.unit.functions.api.conftest import Connect, new_key
from tests.unit.functions.api.sending import assert_refused
from tests.unit.functions.api.subscribing import BODY, RECEIVER, URL, signing_key, subscribe, told


@pytest.fixture(scope="module", autouse=True)
def _signing_key(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[None]:
    """The key of the stack."""
    with signing_key(environment, stack):
        yield


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


def test_a_rotation_is_answered_again_although_its_webhook_is_gone(client: httpx.Client) -> None:
    path = f"{URL}/{subscribe(client)['id']}"
    headers = {"Idempotency-Key": str(uuid4())}
    first = client.post(f"{path}/rotate", headers=headers).json()
    assert client.delete(path).status_code == 204
    again = client.post(f"{path}/rotate", headers=headers)
    assert (again.status_code, again.json()) == (200, first | {"secret": None})
    assert_refused(client.post(f"{path}/rotate"), 404, "not_found")


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
    # Other tests may have made the API's services anew.
    for made in (stack, services()):
        vars(made).pop("signing_key", None)
    with environment.context() as patch:
        patch.setenv("SIGNING_SECRET_ARN", arn)
        assert client.post(URL, json=BODY).status_code == 500
        assert client.get(URL).json()["items"] == []


# --- whatever is sent

NAMES = ["url", "events", "description", "enabled"]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([RECEIVER, "document.completed", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(st.sampled_from(["url", "events", "description", "enabled"]) | st.text(), values, max_size=4)
)
def test_any_json_gets_an_answer_that_is_documented(client: httpx.Client, body: dict[str, Any]) -> None:
    # Escaped, as httpx would not send half a surrogate pair.
    for content in (json.dumps(body), json.dumps(BODY | body)):
        made = client.post(URL, content=content, headers={"Content-Type": "application/json"})
        assert made.status_code in {201, 422}, made.text
        if made.status_code == 201:
            path = f"{URL}/{made.json()['id']}"
            assert client.patch(path, content=json.dumps(body)).status_code in {200, 422}
            assert client.delete(path).status_code == 204
