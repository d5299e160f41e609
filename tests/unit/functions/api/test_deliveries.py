"""What became of what webhooks were told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest

from shared.bootstrap import Services
from shared.models import Delivery, DeliveryAttempt
from shared.services.keys import NewKey
from tests.unit.functions.api.sending import assert_refused
from tests.unit.functions.api.subscribing import RECEIVER, URL, signing_key, subscribe, told


@pytest.fixture(scope="module", autouse=True)
def _signing_key(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[None]:
    """The key of the stack."""
    with signing_key(environment, stack):
        yield


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
