"""/v1/emails and /v1/messages: what is taken, and that of what is not taken nothing stays."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import boto3
import httpx
import pytest
from sqlalchemy import func, select

from shared.adapters.s3 import S3Store
from shared.bootstrap import Services
from shared.contracts import SendBulkEmail, SendEmail
from shared.errors import StorageUnavailable
from shared.models import JobRow, MessageRow
from shared.services.keys import NewKey
from shared.values import MessageStatus, SuppressedChannel
from tests.unit.functions.api.conftest import BOTH_DATABASES, BUCKET, Connect, new_key
from tests.unit.functions.api.sending import assert_refused

pytestmark = BOTH_DATABASES

URL = "/v1/emails"
MAIL = {"to": "ada@example.com", "subject": "Grüße", "body": "Hello Ada"}


@pytest.fixture(autouse=True)
def sender(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[None]:
    """Mail is sent here."""
    before = os.environ["MAIL_FROM"]
    environment.setenv("MAIL_FROM", "Twolane <no-reply@twolane.example>")
    stack.__dict__.pop("emails", None)
    yield
    environment.setenv("MAIL_FROM", before)
    stack.__dict__.pop("emails", None)


def stored(stack: Services, key: NewKey) -> list[MessageRow]:
    """The messages of an account."""
    with stack.database.read() as session:
        return list(session.scalars(select(MessageRow).where(MessageRow.account_id == key.row.account_id)))


def jobs_of(stack: Services, message_id: str) -> int:
    """How many jobs send this message."""
    keys = [f"{kind.name}:{message_id}" for kind in (SendEmail, SendBulkEmail)]
    with stack.database.read() as session:
        return session.scalar(select(func.count()).select_from(JobRow).where(JobRow.key.in_(keys))) or 0


def objects() -> set[str]:
    """Keys of all attachments that came with requests."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="messages/")
    return {item["Key"] for item in listed.get("Contents", [])}


def attached(name: str = "a.txt", body: bytes = b"small", **more: str) -> dict[str, str]:
    return {"filename": name, "content": base64.b64encode(body).decode(), **more}


def test_a_mail_is_queued_and_can_be_looked_at(client: httpx.Client, stack: Services) -> None:
    answer = client.post(URL, json=MAIL | {"html": "<p>Hello</p>"})
    message_id = answer.json()["message_id"]
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/messages/{message_id}"
    assert answer.headers["retry-after"]
    assert jobs_of(stack, message_id) == 1
    shown = client.get(answer.headers["location"]).json()
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": message_id,
        "kind": "email",
        "status": "queued",
        "recipient": "ada@example.com",
        "attempts": 0,
        "segments": None,
        "provider_id": None,
        "error": None,
        "sent_at": None,
        "counts": None,
    }


def test_attachments_lie_in_the_store_before_the_mail_is_queued(
    client: httpx.Client, stack: Services, user: NewKey
) -> None:
    key = f"attachments/{user.row.account_id}/big.pdf"
    stack.store.put(key, bytes(5_000_000))
    attachments = [attached("ü.txt"), {"key": key}, attached("b.bin", b"b", content_type="image/png")]
    message_id = client.post(URL, json=MAIL | {"attachments": attachments}).json()["message_id"]
    [row] = stored(stack, user)
    assert row.content["attachments"] == [
        {"filename": "ü.txt", "content_type": "text/plain", "key": f"messages/{message_id}/0"},
        {"filename": "big.pdf", "content_type": "application/pdf", "key": key},
        {"filename": "b.bin", "content_type": "image/png", "key": f"messages/{message_id}/2"},
    ]
    assert stack.store.get(f"messages/{message_id}/0") == b"small"


def test_what_was_read_of_ones_own_document_can_be_attached(
    client: httpx.Client, stranger: httpx.Client, stack: Services, document_id: UUID
) -> None:
    mail = MAIL | {"attachments": [{"key": f"documents/{document_id}/source"}]}
    assert client.post(URL, json=mail).status_code == 202
    theirs = assert_refused(stranger.post(URL, json=mail), 422, "attachment_missing")
    none = MAIL | {"attachments": [{"key": f"documents/{uuid4()}/source"}]}
    nothing = assert_refused(stranger.post(URL, json=none), 422, "attachment_missing")
    assert theirs["detail"].partition("'")[0] == nothing["detail"].partition("'")[0]
    assert stack


def test_the_same_request_twice_is_one_mail(client: httpx.Client, stack: Services, user: NewKey) -> None:
    mail = MAIL | {"attachments": [attached()]}
    first, again = (client.post(URL, json=mail, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len(stored(stack, user)) == 1
    other = client.post(URL, json=MAIL, headers={"Idempotency-Key": "k"})
    assert_refused(other, 422, "idempotency_key_reused")


def test_a_mail_whose_answer_was_lost_is_there_once(stack: Services, user: NewKey) -> None:
    from shared.services.drafts import Draft, Enclosure  # noqa: PLC0415  # beside the one test that needs them

    new_id = uuid4()
    draft = Draft("ada@example.com", "Hello", "x", None, [Enclosure("a.txt", None, b"small")])
    made = [stack.emails.send(user.row.account_id, draft, new_id) for _ in range(2)]
    assert made == [new_id, new_id]
    assert [row.id for row in stored(stack, user)] == [new_id]
    assert stack.store.get(f"messages/{new_id}/0") == b"small"


def nothing(client: httpx.Client, stack: Services, user: NewKey, mail: dict[str, Any]) -> httpx.Response:
    """Send a mail and see that nothing of it stays, whatever is answered."""
    before = objects()
    answer = client.post(URL, json=mail)
    assert stored(stack, user) == []
    assert objects() == before
    return answer


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": "nobody"}, "invalid_address"),
        ({"to": "a@b@c.example"}, "invalid_address"),
        ({"to": "ada@example.com\r\nBcc: all@example.com"}, "invalid_address"),
        ({"to": "Ada <ada@example.com>"}, "invalid_address"),
        ({"subject": "Hello\r\nBcc: all@example.com"}, "invalid_header"),
        ({"subject": "Hello\nthere"}, "invalid_header"),
        ({"subject": "x" * 999}, "invalid_header"),
        ({"attachments": [attached("a\r\nb.txt")]}, "invalid_header"),
        ({"attachments": [attached(), {"key": "documents/no/source"}]}, "attachment_missing"),
        ({"attachments": [attached(), {"key": f"attachments/{uuid4()}/a"}]}, "attachment_missing"),
        ({"attachments": [{"key": "keys/secret"}]}, "attachment_missing"),
        ({"body": ""}, "invalid_option"),
        ({"body": "a\x00b"}, "invalid_option"),
        ({"html": "a\x00b"}, "invalid_option"),
        ({"subject": ""}, "invalid_option"),
        ({"attachments": [{"filename": "a.txt", "content": "!"}]}, "invalid_option"),
        ({"attachments": [{"content": "YQ=="}]}, "invalid_option"),
        ({"attachments": [attached(key="k")]}, "invalid_option"),
        ({"attachments": [{"filename": "a.txt"}]}, "invalid_option"),
        ({"attachments": [attached(content_type="text/plain\r\nX: y")]}, "invalid_option"),
        ({"attachments": [attached()] * 21}, "invalid_option"),
        ({"bcc": "all@example.com"}, "unknown_option"),
    ],
)
def test_what_is_wrong_has_a_code_and_leaves_nothing(
    client: httpx.Client, stack: Services, user: NewKey, change: dict[str, Any], code: str
) -> None:
    assert_refused(nothing(client, stack, user, MAIL | change), 422, code)


def test_what_is_there_but_not_ones_own_is_not_attached(client: httpx.Client, stack: Services, user: NewKey) -> None:
    theirs = f"attachments/{new_key(stack).row.account_id}/contract.pdf"
    for key in (theirs, "secrets/contract.pdf", f"attachments/{user.row.account_id}/../contract.pdf"):
        stack.store.put(key, b"theirs")
        answer = nothing(client, stack, user, MAIL | {"attachments": [{"key": key}]})
        assert_refused(answer, 422, "attachment_missing")


def test_a_missing_key_of_ones_own_leaves_nothing(client: httpx.Client, stack: Services, user: NewKey) -> None:
    prefix = f"attachments/{user.row.account_id}"
    stack.store.put(f"{prefix}/there", b"x")
    for key in (f"{prefix}/gone", f"{prefix}/../{uuid4()}/a", f"{prefix}//a", prefix, f"{prefix}/"):
        mail = MAIL | {"attachments": [attached(), {"key": f"{prefix}/there"}, {"key": key}]}
        assert_refused(nothing(client, stack, user, mail), 422, "attachment_missing")


def test_thirty_megabytes_are_too_large_for_a_mail(client: httpx.Client, stack: Services, user: NewKey) -> None:
    key = f"attachments/{user.row.account_id}/large.bin"
    stack.store.put(key, bytes(30_000_000))
    mail = MAIL | {"attachments": [attached(), {"key": key}]}
    assert_refused(nothing(client, stack, user, mail), 413, "message_too_large")


def test_more_than_three_mebibytes_do_not_come_with_a_request(
    client: httpx.Client, stack: Services, user: NewKey
) -> None:
    half = attached(body=bytes(3 * 1024 * 1024 // 2 + 1))
    assert_refused(nothing(client, stack, user, MAIL | {"attachments": [half, half]}), 413, "message_too_large")
    whole = attached(body=bytes(3 * 1024 * 1024))
    assert client.post(URL, json=MAIL | {"attachments": [whole]}).status_code == 202
    larger = nothing(client, stack, new_key(stack), MAIL | {"attachments": [attached(body=bytes(5_000_000))]})
    assert_refused(larger, 413, "message_too_large")


def test_who_is_suppressed_is_not_written_to(client: httpx.Client, stack: Services, user: NewKey) -> None:
    address = f"{uuid4().hex}@example.com"
    stack.suppressions.add(SuppressedChannel.EMAIL, address, "complaint")
    problem = assert_refused(nothing(client, stack, user, MAIL | {"to": address.upper()}), 422, "recipient_suppressed")
    assert "complaint" in problem["detail"]


def test_a_deployment_without_a_sender_sends_nothing(
    client: httpx.Client, stack: Services, user: NewKey, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("MAIL_FROM", "")
    stack.__dict__.pop("emails", None)
    assert_refused(nothing(client, stack, user, MAIL), 422, "channel_unavailable")
    bulk = client.post(f"{URL}/bulk", json={"recipients": ["a@example.com"], "subject": "x", "body": "y"})
    assert_refused(bulk, 422, "channel_unavailable")


def test_a_store_that_fails_in_the_middle_keeps_nothing(
    client: httpx.Client, stack: Services, user: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = S3Store.put

    def second_fails(store: S3Store, key: str, body: bytes, media_type: str = "") -> None:
        if key.endswith("/1"):
            raise StorageUnavailable("The object store does not answer.")
        put(store, key, body, media_type)

    monkeypatch.setattr(S3Store, "put", second_fails)
    answer = nothing(client, stack, user, MAIL | {"attachments": [attached(), attached()]})
    assert_refused(answer, 503, "storage_unavailable")


# --- verification and password reset


def test_a_token_is_mailed_with_a_link_and_not_logged(
    client: httpx.Client,
    stack: Services,
    user: NewKey,
    environment: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token, quoted = "s3cret+/=", "s3cret%2B%2F%3D"
    environment.setenv("APP_URL", "https://app.twolane.example/")
    for what in ("verification", "password-reset"):
        assert client.post(f"{URL}/{what}", json={"to": "ada@example.com", "token": token}).status_code == 202
    environment.delenv("APP_URL")
    rows = {row.content["template"]: row.content["variables"] for row in stored(stack, user)}
    assert rows == {
        "verification": {"token": token, "link": f"https://app.twolane.example/verification?token={quoted}"},
        "password_reset": {"token": token, "link": f"https://app.twolane.example/password-reset?token={quoted}"},
    }
    assert "s3cret" not in caplog.text


def test_without_an_application_a_token_comes_without_a_link(
    client: httpx.Client, stack: Services, user: NewKey
) -> None:
    client.post(f"{URL}/verification", json={"to": "ada@example.com", "token": "t"})
    [row] = stored(stack, user)
    assert row.content["variables"] == {"token": "t"}


@pytest.mark.parametrize("body", [{"to": "a@example.com"}, {"to": "a@example.com", "token": "a b"}, {"token": "t"}])
def test_a_token_mail_needs_a_token_and_a_recipient(
    client: httpx.Client, stack: Services, user: NewKey, body: dict[str, str]
) -> None:
    assert client.post(f"{URL}/password-reset", json=body).status_code == 422
    assert stored(stack, user) == []


# --- bulk


def bulk(client: httpx.Client, recipients: list[str], **headers: str) -> httpx.Response:
    return client.post(
        f"{URL}/bulk", json={"recipients": recipients, "subject": "News", "body": "Hello"}, headers=headers
    )


def test_a_bulk_is_one_mail_a_recipient_and_says_who_gets_none(
    client: httpx.Client, stack: Services, user: NewKey
) -> None:
    gone, quiet = f"{uuid4().hex}@example.com", f"{uuid4().hex}@example.com"
    stack.suppressions.add(SuppressedChannel.EMAIL, gone, "bounce")
    stack.suppressions.add(SuppressedChannel.BULK_EMAIL, quiet, "unsubscribed")
    recipients = ["a@example.com", "nobody", gone, "A@Example.com", quiet, "b@example.com", "nobody"]
    answer = bulk(client, recipients, **{"Idempotency-Key": "k"})
    assert answer.status_code == 202
    assert answer.json()["recipients"] == 2
    assert {one["recipient"]: one["code"] for one in answer.json()["refused"]} == {
        "nobody": "invalid_address",
        gone: "recipient_suppressed",
        quiet: "recipient_suppressed",
    }
    rows = {row.recipient: row for row in stored(stack, user)}
    assert set(rows) == {None, "a@example.com", "b@example.com"}
    assert all(jobs_of(stack, str(row.id)) == (row.recipient is not None) for row in rows.values())
    shown = client.get(answer.headers["location"]).json()
    assert (shown["kind"], shown["status"], shown["attempts"]) == ("bulk", "queued", 0)
    assert shown["counts"] == {"queued": 2, "sent": 0, "failed": 0, "suppressed": 0}
    assert bulk(client, recipients, **{"Idempotency-Key": "k"}).json() == answer.json()
    assert len(stored(stack, user)) == 3


def test_a_bulk_whose_answer_was_lost_is_there_once(stack: Services, user: NewKey) -> None:
    from shared.services.drafts import BulkDraft  # noqa: PLC0415  # beside the one test that needs it

    new_id, draft = uuid4(), BulkDraft(["a@example.com", "nobody"], "News", "Hello")
    first, again = (stack.emails.send_bulk(user.row.account_id, draft, new_id) for _ in range(2))
    assert first == again
    assert len(stored(stack, user)) == 2


def test_a_recipient_that_no_database_takes_never_stops_the_rest(client: httpx.Client) -> None:
    answer = bulk(client, ["a\x00b@example.com", "a\x00", "good@example.com"])
    assert answer.status_code == 202
    assert answer.json()["recipients"] == 1
    assert [one["code"] for one in answer.json()["refused"]] == ["invalid_address"] * 2


def test_keys_that_no_database_takes_name_nothing(
    client: httpx.Client, stack: Services, user: NewKey, document_id: UUID
) -> None:
    for key in (f"attachments/{user.row.account_id}/a\x00b", f"documents/{document_id}/\x00", "documents/\x00/a"):
        answer = nothing(client, stack, user, MAIL | {"attachments": [{"key": key}]})
        assert answer.status_code == 422, answer.text


def test_ten_thousand_recipients_are_too_many(client: httpx.Client, stack: Services, user: NewKey) -> None:
    for count in (1001, 10_000, 60_000):
        answer = bulk(client, [f"somebody.with.a.long.name.{number}@subdomain.example.com" for number in range(count)])
        problem = assert_refused(answer, 422, "too_many_recipients")
        assert "1000" in problem["detail"]
    assert stored(stack, user) == []


def test_a_bulk_that_nobody_gets_is_refused(client: httpx.Client, stack: Services, user: NewKey) -> None:
    gone = f"{uuid4().hex}@example.com"
    stack.suppressions.add(SuppressedChannel.BULK_EMAIL, gone, "unsubscribed")
    for recipients, code in (([gone, gone.upper()], "recipient_suppressed"), ([gone, "nobody"], "invalid_address")):
        problem = assert_refused(bulk(client, recipients), 422, code)
        assert [error["field"] for error in problem["errors"]] == ["recipients"] * len(problem["errors"])
        assert gone in problem["errors"][-1]["message"]
    assert stored(stack, user) == []


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        (("failed", "failed"), "failed"),
        (("failed", "suppressed"), "failed"),
        (("suppressed", "suppressed"), "suppressed"),
        (("sent", "failed"), "sent"),
        (("sent", "queued"), "queued"),
    ],
)
def test_a_bulk_is_as_its_parts_are(
    client: httpx.Client, stack: Services, user: NewKey, parts: tuple[str, ...], status: str
) -> None:
    location = bulk(client, ["a@example.com", "b@example.com"]).headers["location"]
    with stack.database.write() as work:
        mine = MessageRow.account_id == user.row.account_id
        rows = work.session.scalars(select(MessageRow).where(mine, MessageRow.recipient.is_not(None))).all()
        for row, of_part in zip(rows, parts, strict=True):
            row.status = MessageStatus(of_part)
    assert client.get(location).json()["status"] == status


def test_a_bulk_to_a_thousand_is_taken(client: httpx.Client, stack: Services, user: NewKey) -> None:
    answer = bulk(client, [f"user{number}@example.com" for number in range(1000)])
    assert answer.json()["recipients"] == 1000
    assert len(stored(stack, user)) == 1001


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"recipients": []}, "invalid_option"),
        ({"subject": "a\r\nBcc: b@example.com"}, "invalid_header"),
        ({"attachments": []}, "unknown_option"),
    ],
)
def test_a_wrong_bulk_is_not_sent_to_anybody(
    client: httpx.Client, stack: Services, user: NewKey, body: dict[str, Any], code: str
) -> None:
    right = {"recipients": ["a@example.com"], "subject": "News", "body": "Hello"}
    assert_refused(client.post(f"{URL}/bulk", json=right | body), 422, code)
    assert stored(stack, user) == []


# --- messages


def test_messages_are_their_accounts_own(client: httpx.Client, connect: Connect, stack: Services) -> None:
    location = client.post(URL, json=MAIL).headers["location"]
    assert_refused(connect(new_key(stack).secret).get(location), 404, "not_found")
    assert_refused(connect(None).get(location), 401, "unauthorized")
    assert_refused(client.get(f"/v1/messages/{uuid4()}"), 404, "not_found")
    assert_refused(client.get("/v1/messages/nothing"), 404, "not_found")


def test_an_admin_looks_at_any_message_and_at_what_its_provider_calls_it(
    client: httpx.Client, admin: httpx.Client, stack: Services
) -> None:
    location = client.post(URL, json=MAIL).headers["location"]
    assert admin.get(location).json()["provider_id"] is None
    with stack.database.write() as work:
        work.session.get_one(MessageRow, UUID(location.rpartition("/")[2])).provider_id = "0107-1"
    for somebody in (client, admin):
        assert somebody.get(location).json()["provider_id"] == "0107-1"
    assert_refused(admin.get(f"/v1/messages/{uuid4()}"), 404, "not_found")


def test_mail_needs_a_key(anonymous: httpx.Client) -> None:
    for path in ("", "/verification", "/password-reset", "/bulk"):
        assert_refused(anonymous.post(URL + path, json=MAIL), 401, "unauthorized")
