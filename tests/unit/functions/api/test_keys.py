"""/v1/keys."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.bootstrap import Services
from tests.unit.functions.api.conftest import Connect, new_key

URL = "/v1/keys"


def test_a_key_is_made_shown_once_and_works(admin: httpx.Client, connect: Connect) -> None:
    account = f"account {uuid4()}"
    answer = admin.post(URL, json={"name": "scanner", "account": account})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{URL}/{made['id']}"
    assert (made["account"], made["role"], made["name"]) == (account, "user", "scanner")
    assert made["key"].endswith(made["hint"])
    assert connect(made["key"]).get("/v1/documents").status_code == 200
    shown = admin.get(answer.headers["location"])
    assert made["key"] not in shown.text
    assert shown.json() == {name: value for name, value in made.items() if name != "key"}


def test_without_an_account_a_key_is_for_ones_own(admin: httpx.Client) -> None:
    first = admin.post(URL, json={"name": "one"}).json()
    second = admin.post(URL, json={"name": "two"}).json()
    assert first["account_id"] == second["account_id"]


def test_a_deleted_key_stops_working_at_once(admin: httpx.Client, connect: Connect) -> None:
    made = admin.post(URL, json={"name": "scanner"}).json()
    scanner = connect(made["key"])
    assert scanner.get("/v1/documents").status_code == 200
    assert admin.delete(f"{URL}/{made['id']}").status_code == 204
    assert scanner.get("/v1/documents").status_code == 401
    assert admin.delete(f"{URL}/{made['id']}").status_code == 404
    assert admin.get(f"{URL}/{made['id']}").status_code == 404


def test_nobody_locks_themselves_out(stack: Services, connect: Connect) -> None:
    key = new_key(stack, "admin")
    answer = connect(key.secret).delete(f"{URL}/{key.row.id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_keys_are_listed_in_pages_without_their_secrets(admin: httpx.Client) -> None:
    made = [admin.post(URL, json={"name": f"key {number}"}).json() for number in range(3)]
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = admin.get(URL, params={"limit": "2", **cursor})
        assert all(key["key"] not in answer.text for key in made)
        ids += [item["id"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json()["next_cursor"]}
    assert len(ids) == len(set(ids))
    assert ids[-3:] == [key["id"] for key in made]


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": " "}, {"name": "a\x00b"}, {"name": "a", "role": "god"}, {"name": "a", "rolle": "user"}],
)
def test_wrong_keys_are_refused(admin: httpx.Client, body: dict[str, Any]) -> None:
    assert admin.post(URL, json=body).status_code == 422


def test_users_have_no_business_here(client: httpx.Client) -> None:
    for method, path in (("GET", URL), ("POST", URL), ("GET", f"{URL}/{uuid4()}"), ("DELETE", f"{URL}/{uuid4()}")):
        body = {"name": "mine", "role": "admin"} if method == "POST" else None
        answer = client.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
