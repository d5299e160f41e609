"""/v1/account."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.services.keys import NewKey

URL = "/v1/account"


def test_an_account_begins_without_contacts(client: httpx.Client, user: NewKey) -> None:
    said = client.get(URL).json()
    assert said["id"] == str(user.account.id)
    assert (said["name"], said["email"], said["phone"]) == (user.account.name, None, None)


def test_contacts_are_set_one_by_one_and_removed(client: httpx.Client) -> None:
    assert client.patch(URL, json={"email": "grete@Example.com"}).json()["email"] == "grete@example.com"
    both = client.patch(URL, json={"phone": "+4915112345678"}).json()
    assert (both["email"], both["phone"]) == ("grete@example.com", "+4915112345678")
    assert client.get(URL).json() == both
    left = client.patch(URL, json={"email": None}).json()
    assert (left["email"], left["phone"]) == (None, "+4915112345678")
    assert client.patch(URL, json={}).json() == left


def test_documents_stay_for_as_long_as_the_account_says(client: httpx.Client) -> None:
    assert client.get(URL).json()["retention_days"] is None
    assert client.patch(URL, json={"retention_days": 30}).json()["retention_days"] == 30
    assert client.patch(URL, json={"email": None}).json()["retention_days"] == 30
    assert client.patch(URL, json={"retention_days": None}).json()["retention_days"] is None


@pytest.mark.parametrize("days", [0, -1, 36_501, 1.5, "soon"])
def test_no_other_time_is_taken(client: httpx.Client, days: object) -> None:
    answer = client.patch(URL, json={"retention_days": days})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "retention_days")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "no address"}, "invalid_address"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "invalid_address"),
        ({"email": "x" * 400 + "@example.com"}, "invalid_address"),
        ({"email": ""}, "invalid_address"),
        ({"email": "\x00@example.com"}, "invalid_address"),
        ({"phone": "0151"}, "invalid_address"),
        ({"phone": ""}, "invalid_address"),
        ({"email": "grete@example.com", "phone": "0151"}, "invalid_address"),
        ({"email": 1}, "invalid_option"),
        ({"name": "another"}, "unknown_option"),
        ([], "invalid_request"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(client: httpx.Client, body: Any, code: str) -> None:
    before = client.get(URL).json()
    answer = client.patch(URL, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get(URL).json() == before


def test_an_account_is_its_own(client: httpx.Client, stranger: httpx.Client, anonymous: httpx.Client) -> None:
    client.patch(URL, json={"email": "grete@example.com"})
    assert stranger.get(URL).json()["email"] is None
    assert anonymous.get(URL).status_code == 401
    assert anonymous.patch(URL, json={}).status_code == 401
