"""POST and GET /v1/quotes, with the worker played by the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from shared.bootstrap import Services
from shared.errors import PasswordRequired
from shared.models import Document, Quote
from shared.services.keys import NewKey
from shared.services.quotes import Asked
from shared.values import DocumentStatus, QuoteStatus
from tests.support.waiting import wait_until
from tests.unit.functions.api.conftest import PNG

URL = "/v1/quotes"
FILE = {"file": ("scan.png", PNG)}
COUNTS = {"page_count": 1, "pages": 1, "pages_with_text_layer": 0, "pages_to_recognise": 1}
FOUND = {**COUNTS, "flags": [], "engine": "auto"}
NO_WAIT = {"wait": 0}


def work_off(stack: Services, user: NewKey, do: Callable[[Asked], None]) -> threading.Thread:
    """Do what a worker does with the account's next open quote, once there is one."""

    def work() -> None:
        mine = select(Quote.id).where(Quote.account_id == user.account.id, Quote.status == QuoteStatus.QUEUED)

        def found() -> UUID | None:
            with stack.database.read() as session:
                return session.scalar(mine)

        asked = stack.quotes.asked(wait_until(found, what="a quote") or uuid4())
        assert asked is not None
        do(asked)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_quote_is_answered_when_it_is_there(client: httpx.Client, stack: Services, user: NewKey) -> None:
    worker = work_off(stack, user, lambda asked: stack.quotes.answer(asked, FOUND))
    start = time.monotonic()
    answer = client.post(URL, files=FILE, data={"pages": "1"})
    worker.join()
    assert time.monotonic() - start < 10
    assert (answer.status_code, answer.json()["status"], answer.json()["pages"]) == (200, "completed", 1)
    assert client.get(answer.headers["location"]).json() == answer.json()


def test_one_that_takes_longer_is_fetched_later(client: httpx.Client) -> None:
    answer = client.post(URL, files=FILE, params=NO_WAIT)
    assert (answer.status_code, answer.json()["status"], answer.json()["pages"]) == (202, "queued", None)
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert int(answer.headers["retry-after"]) >= 1
    assert client.get(answer.headers["location"]).json() == answer.json()


def test_what_is_wrong_with_the_file_is_a_problem(client: httpx.Client, stack: Services, user: NewKey) -> None:
    sentence = "This PDF is encrypted; send its password."
    worker = work_off(stack, user, lambda asked: stack.quotes.refuse(asked, PasswordRequired(sentence)))
    answer = client.post(URL, files=FILE)
    worker.join()
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["detail"]) == (422, "password_required", sentence)
    kept = client.get(answer.headers["location"]).json()
    assert (kept["status"], kept["error"]) == ("failed", {"code": "password_required", "message": sentence})


def test_the_same_request_again_asks_once_and_answers_what_is_so_then(client: httpx.Client, stack: Services) -> None:
    request: dict[str, Any] = {"files": FILE, "params": NO_WAIT, "headers": {"Idempotency-Key": str(uuid4())}}
    first = client.post(URL, **request)
    asked = stack.quotes.asked(UUID(first.json()["id"]))
    assert asked is not None
    stack.quotes.answer(asked, FOUND)
    again = client.post(URL, **request)
    assert (first.status_code, again.status_code, again.headers["idempotent-replay"]) == (202, 200, "true")
    assert again.json()["id"] == first.json()["id"]
    request["files"] = {"file": ("scan.png", PNG + b"2")}
    assert client.post(URL, **request).json()["code"] == "idempotency_key_reused"


def test_a_document_is_named_in_json_or_in_a_form(client: httpx.Client, document_id: UUID) -> None:
    as_form = {"document_id": (None, str(document_id)), "deskew": (None, "true")}
    for request in ({"json": {"document_id": str(document_id), "deskew": True}}, {"files": as_form}):
        answer = client.post(URL, params=NO_WAIT, **request)
        assert (answer.status_code, answer.json()["document_id"]) == (202, str(document_id)), answer.text
        assert answer.json()["filename"] == "scan.png"


def test_documents_of_others_and_those_without_a_file_are_not_asked_about(
    client: httpx.Client, stranger: httpx.Client, stack: Services, document_id: UUID
) -> None:
    assert stranger.post(URL, json={"document_id": str(document_id)}).json()["code"] == "not_found"
    with stack.database.write() as work:
        work.session.get_one(Document, document_id).status = DocumentStatus.AWAITING_UPLOAD
    assert client.post(URL, json={"document_id": str(document_id)}).json()["code"] == "conflict"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"json": {}}, 422, "file_missing"),
        ({"json": []}, 422, "invalid_request"),
        ({"json": {"document_id": "17"}}, 422, "invalid_option"),
        ({"json": {"document_id": None}}, 422, "file_missing"),
        ({"json": {"document_id": str(uuid4()), "color": "red"}}, 422, "unknown_option"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "invalid_request"),
        ({"content": b"\xff", "headers": {"Content-Type": "application/json"}}, 422, "invalid_request"),
        ({"content": b"hello", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        ({"files": {"pages": (None, "1")}}, 422, "file_missing"),
        ({"files": {**FILE, "document_id": (None, str(uuid4()))}}, 422, "file_missing"),
        ({"files": {**FILE, "pages": (None, "3-1")}}, 422, "invalid_page_range"),
        ({"files": {**FILE, "engine": (None, "crystal-ball")}}, 422, "unknown_engine"),
        ({"files": {"file": ("a.txt", b"plain text")}}, 415, "unsupported_media_type"),
        ({"files": {"file": ("a.png", b"")}}, 422, "empty_file"),
        ({"files": {"file": ("a.png", PNG + bytes(4 * 1024 * 1024))}}, 413, "file_too_large"),
        ({"files": {"file": ("/", PNG)}}, 422, "invalid_filename"),
        ({"files": FILE, "params": {"wait": "21"}}, 422, "invalid_option"),
    ],
)
def test_wrong_questions_are_refused(client: httpx.Client, request_: dict[str, Any], status: int, code: str) -> None:
    answer = client.post(URL, **request_)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_another_accounts_quote_is_as_unknown_as_none(client: httpx.Client, stranger: httpx.Client) -> None:
    theirs = stranger.get(client.post(URL, files=FILE, params=NO_WAIT).headers["location"])
    none = client.get(f"{URL}/{uuid4()}")
    assert theirs.status_code == none.status_code == 404
    assert theirs.json() == none.json()
