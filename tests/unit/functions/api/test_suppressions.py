"""/v1/suppressions and /unsubscribe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import boto3
import httpx
import pytest

from shared.bootstrap import Services
from shared.services import unsubscribing
from shared.values import SuppressedChannel
from tests.unit.functions.api.conftest import BOTH_DATABASES
from tests.unit.functions.api.sending import assert_refused

pytestmark = BOTH_DATABASES

URL = "/v1/suppressions"
PAGE = "/unsubscribe"


@pytest.fixture
def listed(stack: Services) -> list[str]:
    """Addresses that are written to no more, on a channel each."""
    addresses = [f"{number}-{uuid4().hex}@example.com" for number in range(3)]
    for channel, address in zip(SuppressedChannel, addresses, strict=True):
        stack.suppressions.add(channel, address, "bounce", "550 5.1.1 user unknown")
    return addresses


def test_the_list_is_read_in_pages(admin: httpx.Client, listed: list[str]) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = admin.get(URL, params={"limit": "2", **cursor}).json()
        found += [item["address"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert set(listed) <= set(found)
    assert len(found) == len(set(found))


def test_the_list_of_one_channel(admin: httpx.Client, listed: list[str]) -> None:
    items = admin.get(URL, params={"channel": "bulk_email", "limit": "200"}).json()["items"]
    [mine] = [item for item in items if item["address"] in listed]
    assert (mine["channel"], mine["address"], mine["reason"]) == ("bulk_email", listed[1], "bounce")
    assert mine["detail"] == "550 5.1.1 user unknown"


@pytest.mark.parametrize("cursor", ["x", "YQ==", "/w==", "ZW1haWw", "ZW1haWwgYQBi"])
def test_other_cursors_are_refused(admin: httpx.Client, cursor: str) -> None:
    assert_refused(admin.get(URL, params={"cursor": cursor}), 422, "invalid_option")


def test_an_address_that_is_removed_is_written_to_again(admin: httpx.Client, stack: Services) -> None:
    address = f"a/b+{uuid4().hex}@example.com"
    stack.suppressions.add(SuppressedChannel.EMAIL, address, "bounce")
    path = f"{URL}/email/{address.replace('/', '%2F').replace('+', '%2B').upper().replace('%2F', '/')}"
    assert admin.delete(path).status_code == 204
    assert_refused(admin.delete(path), 404, "not_found")
    assert_refused(admin.delete(f"{URL}/pigeon/{address}"), 404, "not_found")


@pytest.mark.parametrize("address", ["a%00b", "%00", "a%ED%A0%80b", "%FF"])
def test_an_address_that_no_database_takes_is_not_on_the_list(admin: httpx.Client, address: str) -> None:
    assert_refused(admin.delete(f"{URL}/email/{address}"), 404, "not_found")


def test_the_list_is_for_admins(client: httpx.Client, anonymous: httpx.Client, listed: list[str]) -> None:
    for somebody, status in ((client, 403), (anonymous, 401)):
        assert somebody.get(URL).status_code == status
        assert somebody.delete(f"{URL}/email/{listed[0]}").status_code == status


# --- unsubscribe links


@pytest.fixture
def key(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[bytes]:
    """The deployment's signing key."""
    made = boto3.client("secretsmanager").create_secret(Name=uuid4().hex, SecretString='{"password": "k1"}')
    environment.setenv("SIGNING_SECRET_ARN", made["ARN"])
    for name in ("unsubscribing", "signing_key"):
        stack.__dict__.pop(name, None)
    yield b"k1"
    environment.delenv("SIGNING_SECRET_ARN")
    for name in ("unsubscribing", "signing_key"):
        stack.__dict__.pop(name, None)


def query_of(key: bytes, address: str) -> dict[str, str]:
    """What the link in a mail carries."""
    parts = urlsplit(unsubscribing.link(key, "https://api.twolane.example", address))
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def assert_page_of_a_broken_link(answer: httpx.Response, status: int) -> None:
    """People read it, so it is a page."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "open it once more from the mail, whole" in answer.text
    assert "<form" not in answer.text
    assert "form-action" in answer.headers["content-security-policy"]


def bulk_is_ended(stack: Services, address: str) -> bool:
    rows, _ = stack.suppressions.list(SuppressedChannel.BULK_EMAIL, 200)
    return address.lower() in {row.address for row in rows}


def test_the_page_asks_and_changes_nothing(anonymous: httpx.Client, stack: Services, key: bytes) -> None:
    address = f"Ada.{uuid4().hex}@example.com"
    answer = anonymous.get(PAGE, params=query_of(key, address))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<form method="post">' in answer.text
    assert address.lower() in answer.text
    assert not bulk_is_ended(stack, address)


def test_the_page_may_show_its_own_style_and_nothing_else(anonymous: httpx.Client, key: bytes) -> None:
    answer = anonymous.get(PAGE, params=query_of(key, "ada@example.com"))
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script|style=|\son\w+=", answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_one_click_ends_bulk_mail_and_may_come_twice(anonymous: httpx.Client, stack: Services, key: bytes) -> None:
    address = f"{uuid4().hex}@example.com"
    for _ in range(2):
        answer = anonymous.post(PAGE, params=query_of(key, address), data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert bulk_is_ended(stack, address)
    rows, _ = stack.suppressions.list(SuppressedChannel.EMAIL, 200)
    assert address not in {row.address for row in rows}


@pytest.mark.parametrize("change", [{"token": "x"}, {"token": "ü"}, {"address": "bob@example.com"}])
def test_a_link_that_is_none_of_ours_ends_nothing(
    anonymous: httpx.Client, stack: Services, key: bytes, change: dict[str, str]
) -> None:
    query = query_of(key, "ada@example.com") | change
    for method in ("GET", "POST"):
        assert_page_of_a_broken_link(anonymous.request(method, PAGE, params=query), 403)
    assert not bulk_is_ended(stack, query["address"])


def test_markup_in_an_address_is_text(anonymous: httpx.Client, key: bytes) -> None:
    answer = anonymous.get(PAGE, params=query_of(key, '"<script>alert(1)</script>"@example.com'))
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_link_without_its_parts_is_refused(anonymous: httpx.Client, key: bytes) -> None:
    assert key
    assert_page_of_a_broken_link(anonymous.get(PAGE), 422)
    assert_page_of_a_broken_link(anonymous.post(PAGE, params={"address": "a@example.com"}), 422)


def test_what_others_append_to_a_link_does_not_break_it(anonymous: httpx.Client, stack: Services, key: bytes) -> None:
    address = f"{uuid4().hex}@example.com"
    query = query_of(key, address) | {"utm_source": "newsletter", "fbclid": "x"}
    assert anonymous.get(PAGE, params=query).status_code == 200
    assert anonymous.post(PAGE, params=query).status_code == 200
    assert bulk_is_ended(stack, address)


def test_a_link_is_looked_at_without_its_page(anonymous: httpx.Client, key: bytes) -> None:
    query = query_of(key, "ada@example.com")
    answer = anonymous.head(PAGE, params=query)
    assert (answer.status_code, answer.content) == (200, b"")
    assert anonymous.head(PAGE, params=query | {"token": "x"}).status_code == 403


def test_where_nothing_is_signed_no_link_is_ours(anonymous: httpx.Client) -> None:
    query = {"address": "a@example.com", "token": "t"}
    assert_page_of_a_broken_link(anonymous.get(PAGE, params=query), 403)
