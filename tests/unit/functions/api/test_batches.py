"""Batches and receipts over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.bootstrap import Services
from shared.models import Document
from tests.unit.functions.api.conftest import PNG

URL = "/v1/batches"
FILE: dict[str, Any] = {"filename": "scan.png", "media_type": "image/png", "size_bytes": len(PNG)}


def send(client: httpx.Client, number: int, **options: str) -> str:
    files = {"file": ("scan.png", PNG + bytes([number]))}
    document_id: str = client.post("/v1/documents", files=files, data=options).json()["id"]
    return document_id


def test_documents_are_grouped_and_told_of_together(client: httpx.Client, finish: Callable[..., None]) -> None:
    first, second = send(client, 1), send(client, 2)
    answer = client.post(URL, json={"document_ids": [second, first, second]})
    assert answer.status_code == 202
    batch = answer.json()
    assert answer.headers["location"] == batch["links"]["self"] == f"{URL}/{batch['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert [(one["document_id"], one["asked_for"], one["upload"]) for one in batch["documents"]] == [
        (second, second, None),
        (first, first, None),
    ]
    finish(UUID(first))
    shown = client.get(answer.headers["location"]).json()
    assert (shown["status"], shown["counts"]) == ("processing", {"queued": 1, "completed": 1})
    assert [one["id"] for one in shown["documents"]] == [second, first]


def test_the_documents_of_a_batch_come_in_pages(client: httpx.Client) -> None:
    ids = [send(client, number) for number in range(5)]
    where = client.post(URL, json={"document_ids": ids}).headers["location"]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(where, params={"limit": "2", **cursor}).json()
        seen += [one["id"] for one in page["documents"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ids
    for wrong in ("mine", "LTE=", "OTk5OTk5OTk5OTk5"):
        assert client.get(where, params={"cursor": wrong}).json()["code"] == "invalid_option"


def test_batches_are_listed_newest_first(client: httpx.Client, stranger: httpx.Client) -> None:
    one = send(client, 1)
    made = [client.post(URL, json={"document_ids": [one]}).json()["id"] for _ in range(3)]
    first = client.get(URL, params={"limit": 2}).json()
    assert [item["id"] for item in first["items"]] == made[:0:-1]
    rest = client.get(URL, params={"cursor": first["next_cursor"]}).json()
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == (made[:1], None)
    assert stranger.get(URL).json()["items"] == []


def test_files_are_announced_with_the_same_options(client: httpx.Client, stack: Services) -> None:
    uploads = [FILE, FILE | {"filename": "b.png", "size_bytes": 5}]
    answer = client.post(URL, json={"uploads": uploads, "languages": "eng", "deskew": True, "metadata": {"a": 1}})
    items = answer.json()["documents"]
    documents = [client.get(f"/v1/documents/{item['document_id']}").json() for item in items]
    assert [(one["status"], one["filename"]) for one in documents] == [
        ("awaiting_upload", "scan.png"),
        ("awaiting_upload", "b.png"),
    ]
    assert documents[0]["metadata"] == {"a": 1}
    key = items[0]["upload"]["fields"]["key"]
    stack.store.put(key, PNG)
    stack.submission.accept_upload(key, len(PNG))
    assert client.get(answer.headers["location"]).json()["counts"] == {"awaiting_upload": 1, "queued": 1}


def test_files_announced_by_force_are_read_whatever_was_read_before(client: httpx.Client, stack: Services) -> None:
    for force in (True, False):
        (item,) = client.post(URL, json={"uploads": [FILE], "force": force}).json()["documents"]
        with stack.database.read() as session:
            assert session.get_one(Document, UUID(item["document_id"])).forced is force


def test_the_same_request_again_gives_the_same_documents_and_new_forms(client: httpx.Client, stack: Services) -> None:
    request: dict[str, Any] = {"json": {"uploads": [FILE, FILE]}, "headers": {"Idempotency-Key": str(uuid4())}}
    first = client.post(URL, **request)
    landed, waiting = (item["upload"]["fields"]["key"] for item in first.json()["documents"])
    stack.store.put(landed, PNG)
    stack.submission.accept_upload(landed, len(PNG))
    again = client.post(URL, **request)
    assert (again.status_code, again.headers["idempotent-replay"]) == (202, "true")
    items = [item["document_id"] for item in first.json()["documents"]]
    assert [item["document_id"] for item in again.json()["documents"]] == items
    # What has landed needs no form; the other's is good for as long as a first one is.
    forms = [item["upload"] for item in again.json()["documents"]]
    assert (forms[0], forms[1]["fields"]["key"]) == (None, waiting)
    assert again.json()["documents"][1]["expires_at"] > first.json()["documents"][1]["expires_at"]
    request["json"] = {"uploads": [FILE]}
    assert client.post(URL, **request).json()["code"] == "idempotency_key_reused"


def test_the_same_batch_again_is_one(client: httpx.Client) -> None:
    one = send(client, 1)
    request: dict[str, Any] = {"headers": {"Idempotency-Key": str(uuid4())}}
    request["json"] = {"document_ids": [one], "deskew": True}
    first, again = client.post(URL, **request), client.post(URL, **request)
    assert first.json() == again.json()
    assert len(client.get("/v1/documents").json()["items"]) == 2
    # To name an option is another request than not to, even where it says what is so anyway.
    request["json"] = {"document_ids": [one]}
    assert client.post(URL, **request).json()["code"] == "idempotency_key_reused"


def test_other_options_are_read_anew_and_the_same_are_not(client: httpx.Client) -> None:
    plain, askew = send(client, 1), send(client, 2, deskew="true")
    items = client.post(URL, json={"document_ids": [plain, askew], "deskew": True}).json()["documents"]
    assert items[0]["document_id"] not in {plain, askew}
    assert items[1]["document_id"] == askew
    assert client.get(f"/v1/documents/{items[0]['document_id']}").json()["sha256"] is not None
    same = client.post(URL, json={"document_ids": [plain], "deskew": False, "engine": "auto"}).json()["documents"]
    assert [item["document_id"] for item in same] == [plain]


def test_unknown_documents_are_named(client: httpx.Client, stranger: httpx.Client) -> None:
    own, theirs, nobodys = send(client, 1), send(stranger, 1), str(uuid4())
    answer = client.post(URL, json={"document_ids": [own, theirs, nobodys]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    text = json.dumps(answer.json()["errors"])
    assert (theirs in text, nobodys in text, own in text) == (True, True, False)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"document_ids": []}, 422, "invalid_option"),
        ({"document_ids": ["17"]}, 422, "invalid_option"),
        ({"document_ids": [str(uuid4())] * 1001}, 422, "invalid_option"),
        ({"document_ids": [str(uuid4())], "uploads": [FILE]}, 422, "invalid_request"),
        ({"uploads": [FILE, FILE | {"media_type": "text/plain"}]}, 415, "unsupported_media_type"),
        ({"uploads": [FILE | {"size_bytes": 0}]}, 422, "empty_file"),
        ({"uploads": [FILE | {"color": "red"}]}, 422, "unknown_option"),
        ({"uploads": [FILE], "engine": "crystal-ball"}, 422, "unknown_engine"),
        ({"uploads": [FILE], "callback_url": "http://127.0.0.1/"}, 422, "url_not_allowed"),
        ({"uploads": [FILE], "color": "red"}, 422, "unknown_option"),
    ],
)
def test_wrong_batches_are_refused(client: httpx.Client, body: dict[str, Any], status: int, code: str) -> None:
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert client.get(URL).json()["items"] == []


def test_a_wrong_upload_is_named(client: httpx.Client) -> None:
    answer = client.post(URL, json={"uploads": [FILE, FILE | {"media_type": "text/plain"}]})
    assert [error["field"] for error in answer.json()["errors"]] == ["uploads.1"]


def test_a_thousand_files_with_long_names_are_a_batch(client: httpx.Client) -> None:
    uploads = [FILE | {"filename": f"{number:03}" + "n" * 250} for number in range(1000)]
    answer = client.post(URL, json={"uploads": uploads})
    assert answer.status_code == 202
    assert len({item["document_id"] for item in answer.json()["documents"]}) == 1000
    assert len(answer.content) < 5_000_000
    assert client.get(answer.headers["location"]).json()["counts"] == {"awaiting_upload": 1000}


def test_a_batch_is_cancelled_once(client: httpx.Client) -> None:
    where = client.post(URL, json={"document_ids": [send(client, 1)]}).headers["location"]
    cancelled = client.post(f"{where}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "completed")
    assert cancelled.json()["counts"] == {"cancelled": 1}
    assert client.post(f"{where}/cancel").json()["code"] == "conflict"


@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/cancel")])
def test_another_accounts_batch_is_as_unknown_as_none(
    client: httpx.Client, stranger: httpx.Client, method: str, rest: str
) -> None:
    batch_id = client.post(URL, json={"document_ids": [send(client, 1)]}).json()["id"]
    theirs = stranger.request(method, f"{URL}/{batch_id}{rest}")
    none = client.request(method, f"{URL}/{uuid4()}{rest}")
    assert theirs.status_code == none.status_code == 404
    assert theirs.json() == none.json()


# --- receipts


def test_a_document_has_a_receipt_from_the_beginning(client: httpx.Client, finish: Callable[..., None]) -> None:
    one = send(client, 1)
    link = client.get(f"/v1/documents/{one}").json()["links"]["cost"]
    assert client.get(link).json()["textract_dollars"] == 0
    finish(UUID(one), pages=2)
    receipt = client.get(link).json()
    assert receipt["textract_dollars"] == 0.003
    assert [(group["engine"], group["pages"]) for group in receipt["pages"]] == [("tesseract", 2)]


def test_the_receipt_of_another_accounts_document_is_as_unknown_as_none(
    client: httpx.Client, stranger: httpx.Client
) -> None:
    theirs, none = stranger.get(f"/v1/documents/{send(client, 1)}/cost"), client.get(f"/v1/documents/{uuid4()}/cost")
    assert theirs.status_code == none.status_code == 404
    assert theirs.json() == none.json()
