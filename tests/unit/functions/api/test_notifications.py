"""/v1/notifications: accepted here, and what has arrived is read here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from shared.bootstrap import Services
from shared.models import JobRow, MessageRow, Notification, utcnow
from shared.services.keys import NewKey
from shared.services.suppressions import suppress
from shared.values import SuppressedChannel
from tests.unit.functions.api.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

URL = "/v1/notifications"


@pytest.fixture
def reachable(client: httpx.Client) -> None:
    """The user can be reached."""
    client.patch("/v1/account", json={"email": f"{uuid4()}@example.com", "phone": "+4915112345678"})


@pytest.fixture
def inbox(stack: Services, user: NewKey) -> list[str]:
    """Five notifications in the user's inbox, oldest first; two of them came at the same time."""
    times = [utcnow() - timedelta(minutes=minutes) for minutes in (5, 4, 3, 3, 1)]
    rows = [
        Notification(id=uuid4(), account_id=user.account.id, title=f"number {n}", body="text", created_at=at)
        for n, at in enumerate(times)
    ]
    with stack.database.write() as work:
        work.session.add_all(rows)
    return [str(row.id) for row in rows]


def stored(stack: Services) -> int:
    """How many messages there are."""
    with stack.database.read() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0


@pytest.mark.usefixtures("reachable")
def test_a_user_is_told_by_every_channel(client: httpx.Client, stack: Services, user: NewKey) -> None:
    asked = {
        "account_id": str(user.account.id),
        "title": "Scanned",
        "body": "All of it.",
        "channels": ["in_app", "email", "sms"],
    }
    answer = client.post(URL, json=asked)
    assert answer.status_code == 202
    message_id = UUID(answer.json()["message_id"])
    assert answer.headers["location"] == f"/v1/messages/{message_id}"
    assert client.get(answer.headers["location"]).json()["kind"] == "notification"
    with stack.database.read() as session:
        row = session.get_one(MessageRow, message_id)
        [job] = session.scalars(select(JobRow).where(JobRow.key == f"notification.send:{message_id}")).all()
    assert (row.kind, row.status, job.queue) == ("notification", "queued", "notify")


def test_without_an_account_one_tells_oneself(client: httpx.Client) -> None:
    assert client.post(URL, json={"title": "Note", "body": "to myself"}).status_code == 202


def test_an_admin_tells_any_account(admin: httpx.Client, user: NewKey) -> None:
    asked = {"account_id": str(user.account.id), "title": "Hello", "body": "there", "channels": ["in_app"]}
    assert admin.post(URL, json=asked).status_code == 202


def test_to_a_user_other_accounts_do_not_exist(stranger: httpx.Client, user: NewKey, stack: Services) -> None:
    before = stored(stack)
    for account_id in (user.account.id, uuid4()):
        answer = stranger.post(URL, json={"account_id": str(account_id), "title": "Hello", "body": "there"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_recipient")
        assert answer.json()["errors"][0]["field"] == "account_id"
    assert stored(stack) == before


def test_an_admin_tells_nobody_where_nobody_is(admin: httpx.Client) -> None:
    answer = admin.post(URL, json={"account_id": str(uuid4()), "title": "Hello", "body": "there"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_recipient")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"channels": []}, 422, "invalid_option"),
        ({"channels": ["pigeon"]}, 422, "invalid_option"),
        ({"channels": ["in_app"] * 4}, 422, "invalid_option"),
        ({"title": ""}, 422, "invalid_option"),
        ({"title": "   "}, 422, "invalid_option"),
        ({"title": "a\r\nBcc: b@c.example"}, 422, "invalid_option"),
        ({"title": "a\u2028b"}, 422, "invalid_option"),
        ({"title": "x" * 201}, 422, "invalid_option"),
        ({"body": " "}, 422, "invalid_option"),
        ({"body": "\x00"}, 422, "invalid_option"),
        ({"body": "x" * 10_001}, 422, "invalid_option"),
        ({"account_id": "me"}, 422, "invalid_option"),
        ({"link": "https://example.com"}, 422, "unknown_option"),
        ({"channels": ["sms"], "body": "x" * 1600}, 413, "message_too_large"),
    ],
)
@pytest.mark.usefixtures("reachable")
def test_bad_input_is_refused_and_nothing_is_stored(
    client: httpx.Client, stack: Services, change: dict[str, Any], status: int, code: str
) -> None:
    before = stored(stack)
    answer = client.post(URL, json={"title": "Hello", "body": "there", "channels": ["in_app"], **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored(stack) == before


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_an_account_without_an_address_is_not_half_told(client: httpx.Client, stack: Services, channel: str) -> None:
    before = stored(stack)
    answer = client.post(URL, json={"title": "Hello", "body": "there", "channels": ["in_app", channel]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_recipient")
    assert stored(stack) == before


def test_who_wants_no_mail_is_not_half_told(client: httpx.Client, stack: Services) -> None:
    address = f"{uuid4()}@example.com"
    client.patch("/v1/account", json={"email": address})
    with stack.database.write() as work:
        suppress(work.session, SuppressedChannel.EMAIL, address, "complaint")
    answer = client.post(URL, json={"title": "Hello", "body": "there", "channels": ["in_app", "email"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "recipient_suppressed")


@pytest.fixture
def without(stack: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment to take a channel away from."""
    names = ("sms", "notifications")
    made = {name: stack.__dict__.pop(name) for name in names if name in stack.__dict__}
    yield monkeypatch
    for name in names:
        stack.__dict__.pop(name, None)
    stack.__dict__.update(made)


@pytest.mark.parametrize(("setting", "channel"), [("MAIL_FROM", "email"), ("SMS_ENABLED", "sms")])
@pytest.mark.usefixtures("reachable")
def test_a_channel_that_is_turned_off_says_so(
    client: httpx.Client, without: pytest.MonkeyPatch, setting: str, channel: str
) -> None:
    without.delenv(setting)
    answer = client.post(URL, json={"title": "Hello", "body": "there", "channels": ["in_app", channel]})
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_unavailable")


def test_an_inbox_is_listed_in_pages_newest_first(client: httpx.Client, inbox: list[str]) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(URL, params={"limit": "2", **cursor}).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == sorted(inbox)
    assert len(set(found)) == 5
    assert (found[0], found[-1]) == (inbox[-1], inbox[0])


def test_what_was_read_stays_and_is_no_longer_unread(client: httpx.Client, inbox: list[str]) -> None:
    first = client.post(f"{URL}/{inbox[0]}/read").json()
    assert first["read_at"]
    assert client.post(f"{URL}/{inbox[0]}/read").json() == first
    unread = client.get(URL, params={"unread": "true"}).json()["items"]
    assert [item["id"] for item in unread][-1] == inbox[1]
    assert len(unread) == 4
    assert len(client.get(URL).json()["items"]) == 5


def test_an_inbox_is_its_accounts_alone(
    stranger: httpx.Client, admin: httpx.Client, anonymous: httpx.Client, inbox: list[str]
) -> None:
    for other in (stranger, admin):
        assert other.get(URL).json()["items"] == []
        assert other.post(f"{URL}/{inbox[0]}/read").status_code == 404
    assert anonymous.get(URL).status_code == 401


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"cursor": "x"}, {"unread": "perhaps"}, {"page": "2"}]
)
def test_a_wrong_question_is_refused(client: httpx.Client, query: dict[str, str]) -> None:
    answer = client.get(URL, params=query)
    assert (answer.status_code, answer.json()["code"]) in {(422, "invalid_option"), (422, "unknown_option")}
