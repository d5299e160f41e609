"""Looking at, listing, deleting, cancelling and retrying documents."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from shared.bootstrap import Services
from shared.models import DocumentStatus, JobRow
from tests.unit.functions.api.conftest import PNG

Finish = Callable[..., None]


def path(document_id: UUID, rest: str = "") -> str:
    return f"/v1/documents/{document_id}{rest}"


def send_many(client: httpx.Client, count: int) -> list[str]:
    files = [{"file": ("scan.png", PNG + bytes([number]))} for number in range(count)]
    return [client.post("/v1/documents", files=file).json()["id"] for file in files]


def test_a_document_is_shown_to_its_account_alone(
    client: httpx.Client, stranger: httpx.Client, document_id: UUID
) -> None:
    assert client.get(path(document_id)).json()["id"] == str(document_id)
    answer = stranger.get(path(document_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "rest"),
    [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/pages"), ("GET", "/result")],
)
def test_another_accounts_document_is_as_unknown_as_none(
    client: httpx.Client, stranger: httpx.Client, document_id: UUID, method: str, rest: str
) -> None:
    theirs = stranger.request(method, path(document_id, rest))
    none = client.request(method, path(uuid4(), rest))
    assert theirs.status_code == none.status_code == 404
    assert theirs.json() == none.json()


def test_what_is_no_id_names_nothing(client: httpx.Client) -> None:
    assert client.get("/v1/documents/17").json()["code"] == "not_found"


def test_the_long_poll_answers_when_the_document_is_final(
    client: httpx.Client, document_id: UUID, finish: Finish
) -> None:
    answers: list[httpx.Response] = []
    poll = threading.Thread(target=lambda: answers.append(client.get(path(document_id), params={"wait": 20})))
    start = time.monotonic()
    poll.start()
    finish(document_id)
    poll.join()
    assert answers[0].json()["status"] == "completed"
    assert time.monotonic() - start < 10


def test_the_long_poll_answers_when_time_is_up(client: httpx.Client, document_id: UUID) -> None:
    start = time.monotonic()
    assert client.get(path(document_id), params={"wait": 0.2}).json()["status"] == "queued"
    assert 0.2 <= time.monotonic() - start < 5


@pytest.mark.parametrize("wait", ["21", "-1", "soon", "nan", "inf"])
def test_no_other_wait_is_taken(client: httpx.Client, document_id: UUID, wait: str) -> None:
    answer = client.get(path(document_id), params={"wait": wait})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")
    assert answer.json()["errors"][0]["field"] == "wait"


def test_lists_go_on_where_they_stopped_while_documents_come_and_go(client: httpx.Client) -> None:
    ids = send_many(client, 5)
    first = client.get("/v1/documents", params={"limit": 2}).json()
    assert [item["id"] for item in first["items"]] == [ids[4], ids[3]]
    client.post("/v1/documents", files={"file": ("late.png", PNG + b"late")})
    client.delete(f"/v1/documents/{ids[3]}")
    second = client.get("/v1/documents", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in second["items"]] == [ids[2], ids[1]]
    third = client.get("/v1/documents", params={"limit": 2, "cursor": second["next_cursor"]}).json()
    assert [item["id"] for item in third["items"]] == [ids[0]]
    assert third["next_cursor"] is None


def test_lists_are_filtered(client: httpx.Client, finish: Finish) -> None:
    old, new = send_many(client, 2)
    finish(UUID(old))
    middle = client.get(f"/v1/documents/{new}").json()["created_at"]

    def ids(**filters: str) -> list[str]:
        return [item["id"] for item in client.get("/v1/documents", params=filters).json()["items"]]

    assert ids(status="completed") == [old]
    assert ids(created_after=middle) == [new]
    assert ids(created_before=middle) == [old]


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("limit", "0", "invalid_option"),
        ("limit", "201", "invalid_option"),
        ("cursor", "mine", "invalid_option"),
        ("cursor", "ÿ", "invalid_option"),
        ("status", "lost", "invalid_option"),
        ("created_after", "yesterday", "invalid_option"),
        ("created_after", "2026-01-01T00:00:00", "invalid_option"),
        ("created_after", "0001-01-01T00:00:00+14:00", "invalid_option"),
        ("q", "-invoice", "invalid_option"),
        ("question", "invoice", "unknown_option"),
    ],
)
def test_wrong_filters_are_named(client: httpx.Client, option: str, value: str, code: str) -> None:
    answer = client.get("/v1/documents", params={option: value})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["field"] == option


def test_a_deleted_document_is_gone_with_its_files(client: httpx.Client, stack: Services, document_id: UUID) -> None:
    source = f"documents/{document_id}/source"
    assert stack.store.size(source) == len(PNG)
    assert client.delete(path(document_id)).status_code == 204
    assert client.get(path(document_id)).status_code == 404
    assert client.delete(path(document_id)).status_code == 404
    with pytest.raises(Exception, match="no object"):
        stack.store.size(source)


def test_a_cancelled_document_can_be_retried(client: httpx.Client, stack: Services, document_id: UUID) -> None:
    cancelled = client.post(path(document_id, "/cancel"))
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["completed_at"]
    again = client.post(path(document_id, "/cancel"))
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    retried = client.post(path(document_id, "/retry"))
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    assert retried.headers["location"] == path(document_id)
    with stack.database.read() as session:
        assert session.query(JobRow).where(JobRow.document_id == document_id).count() == 2


def test_what_is_read_or_being_read_is_not_retried(client: httpx.Client, document_id: UUID, finish: Finish) -> None:
    assert client.post(path(document_id, "/retry")).status_code == 409
    finish(document_id, status=DocumentStatus.COMPLETED)
    assert client.post(path(document_id, "/retry")).status_code == 409
