"""Idempotency-Key on what creates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from functions.api.deps import fingerprint
from functions.api.schemas import UploadRequest
from shared.adapters.s3 import S3Store
from shared.bootstrap import Services
from shared.errors import DatabaseUnavailable, StorageUnavailable
from shared.models import IdempotencyRow, utcnow
from shared.services.idempotency import Idempotency
from shared.services.keys import NewKey
from tests.unit.functions.api.conftest import PNG

ANNOUNCED: dict[str, Any] = {"filename": "a.png", "media_type": "image/png", "size_bytes": 9}
DOCUMENTS = "/v1/documents"


def send(client: httpx.Client, key: str, body: bytes = PNG, **options: str) -> httpx.Response:
    return client.post(DOCUMENTS, files={"file": ("a.png", body)}, data=options, headers={"Idempotency-Key": key})


def test_the_first_answer_is_given_again(client: httpx.Client) -> None:
    first = send(client, "k", force="true")
    again = send(client, "k", force="true")
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"


def test_the_first_answer_is_given_even_when_the_document_has_moved_on(client: httpx.Client) -> None:
    first = send(client, "k")
    client.delete(first.headers["location"])
    assert send(client, "k").json() == first.json()


@pytest.mark.parametrize(("body", "options"), [(PNG + b"x", {}), (PNG, {"languages": "deu"}), (PNG, {"force": "true"})])
def test_another_request_with_the_key_is_refused(client: httpx.Client, body: bytes, options: dict[str, str]) -> None:
    send(client, "k")
    answer = send(client, "k", body, **options)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_keys_belong_to_accounts(client: httpx.Client, stranger: httpx.Client) -> None:
    assert send(client, "k").json()["id"] != send(stranger, "k").json()["id"]


def test_a_request_being_answered_is_not_answered_twice(client: httpx.Client, stack: Services, user: NewKey) -> None:
    sent = UploadRequest(**ANNOUNCED).model_dump(mode="json")
    stack.idempotency.begin(user.row.account_id, "k", fingerprint("POST", "/v1/uploads", sent))
    answer = client.post("/v1/uploads", json=ANNOUNCED, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (409, "request_in_progress")
    assert int(answer.headers["retry-after"]) > 0


def test_one_of_eight_at_once_is_answered_and_the_others_agree_or_wait(client: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(client, "k", force="true"), range(8)))
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(ids) == 1
    assert {answer.status_code for answer in answers} <= {202, 409}


def test_a_request_whose_answer_was_lost_creates_nothing_twice(
    client: httpx.Client, stack: Services, user: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        message = "The database went away."
        raise DatabaseUnavailable(message)

    monkeypatch.setattr(Idempotency, "finish", die)
    first = send(client, "k", force="true")
    monkeypatch.undo()
    with stack.database.write() as work:
        mine = IdempotencyRow.account_id == user.row.account_id
        work.session.execute(update(IdempotencyRow).where(mine).values(locked_until=utcnow()))
    again = send(client, "k", force="true")
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]


def test_an_error_is_not_kept(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        message = "The object store at http://10.0.0.1/secret does not answer."
        raise StorageUnavailable(message)

    assert send(client, "k", engine="crystal-ball").status_code == 422
    monkeypatch.setattr(S3Store, "put", fail)
    failed = send(client, "k")
    assert (failed.status_code, failed.json()["code"]) == (503, "storage_unavailable")
    assert failed.headers["retry-after"] == "5"
    assert "10.0.0.1" not in failed.text
    monkeypatch.undo()
    assert send(client, "k").status_code == 202


def test_an_announcement_is_made_once(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k"}
    first = client.post("/v1/uploads", json=ANNOUNCED, headers=headers)
    again = client.post("/v1/uploads", json=ANNOUNCED, headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"


def test_a_keys_secret_is_not_kept(admin: httpx.Client, stack: Services) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"name": "scanner"}
    first = admin.post("/v1/keys", json=body, headers=headers).json()
    again = admin.post("/v1/keys", json=body, headers=headers).json()
    assert first["key"]
    assert again == first | {"key": None}
    with stack.database.read() as session:
        kept = session.scalars(select(IdempotencyRow.body)).all()
    assert first["key"] not in str(kept)


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "ключ".encode(), b"\xff"])
def test_other_keys_are_refused(client: httpx.Client, key: str | bytes) -> None:
    answer = client.post("/v1/uploads", json=ANNOUNCED, headers=[("Idempotency-Key", key)])  # type: ignore[arg-type]  # bytes are what a rude client sends
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_the_longest_key_is_taken(client: httpx.Client) -> None:
    assert client.post("/v1/uploads", json=ANNOUNCED, headers={"Idempotency-Key": "~" * 255}).status_code == 201
