"""Fields of invoices over HTTP; workers are played."""

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
from shared.contracts import ExtractInvoice
from shared.errors import ObjectMissing, StorageUnavailable, TwolaneError
from shared.models import DocumentStatus, JobRow
from shared.services.extractions import Outcome
from tests.unit.functions.api.conftest import PNG

TOTAL = {"value": "140.42", "confidence": 0.9, "page": 1, "box": [1, 2, 3, 4], "text": "140,42 EUR"}
NAMES = (
    *("supplier", "invoice_number", "date", "due_date", "currency", "total", "tax", "subtotal"),
    *("address", "iban", "vat_id"),
)
FIELDS: dict[str, Any] = {**dict.fromkeys(NAMES), "total": TOTAL, "lines": []}

Finish = Callable[..., None]


@pytest.fixture
def path(document_id: UUID, finish: Finish) -> str:
    """Where the fields of a document are that has been read."""
    finish(document_id)
    return f"/v1/documents/{document_id}/invoice"


def find(stack: Services, document_id: UUID, fallback: TwolaneError | None = None) -> None:
    """Find the fields, as a worker would."""
    found = Outcome("rules", FIELDS, fallback=fallback)
    stack.extractions.finish(stack.extractions.begin(document_id), found)


def test_fields_are_asked_for_and_fetched(client: httpx.Client, stack: Services, document_id: UUID, path: str) -> None:
    started = client.post(path)
    assert started.status_code == 202
    assert (started.headers["location"], started.headers["retry-after"]) == (path, "1")
    assert (started.json()["status"], started.json()["fields"]) == ("queued", None)
    waiting = client.get(path)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "not_final")
    assert client.post(path).status_code == 202
    find(stack, document_id)
    answer = client.get(path)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["extractor"], found["fallback"], found["error"]) == (
        "completed",
        "rules",
        None,
        None,
    )
    assert found["fields"] == FIELDS
    assert client.post(path).status_code == 200


def test_a_document_shows_where_its_fields_are(client: httpx.Client, document_id: UUID, path: str) -> None:
    assert client.get(f"/v1/documents/{document_id}").json()["links"]["invoice"] == path


def test_waiting_answers_as_soon_as_they_are_found(
    client: httpx.Client, stack: Services, document_id: UUID, path: str
) -> None:
    client.post(path)
    timer = threading.Timer(0.3, find, (stack, document_id))
    timer.start()
    began = time.monotonic()
    answer = client.get(path, params={"wait": 20})
    timer.join()
    assert (answer.status_code, answer.json()["fields"]["total"]) == (200, TOTAL)
    assert time.monotonic() - began < 10


def test_waiting_ends(client: httpx.Client, path: str) -> None:
    client.post(path)
    assert client.get(path, params={"wait": 0.1}).json()["code"] == "not_final"


def test_a_fallback_is_told(client: httpx.Client, stack: Services, document_id: UUID, path: str) -> None:
    client.post(path)
    find(stack, document_id, fallback=StorageUnavailable("The model was away."))
    assert client.get(path).json()["fallback"] == {"code": "storage_unavailable", "message": "The model was away."}


def test_a_failure_is_told(client: httpx.Client, stack: Services, document_id: UUID, path: str) -> None:
    client.post(path)
    with stack.database.read() as session:
        job = session.scalars(
            select(JobRow).where(JobRow.document_id == document_id, JobRow.name == ExtractInvoice.name)
        ).one()
    claim = stack.jobs.claim(job.id)
    assert claim is not None
    stack.jobs.fail(claim, ObjectMissing("The words are gone."))
    answer = client.get(path)
    assert (answer.status_code, answer.json()["status"], answer.json()["fields"]) == (200, "failed", None)
    assert answer.json()["error"] == {"code": "object_missing", "message": "The words are gone."}
    assert client.post(path).status_code == 202
    assert client.get(path).json()["code"] == "not_final"


def test_nobody_asked(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert f"POST {path}" in answer.json()["detail"]


@pytest.mark.parametrize("ask", [httpx.Client.get, httpx.Client.post])
def test_another_account_sees_nothing(
    client: httpx.Client, stranger: httpx.Client, path: str, ask: Callable[..., httpx.Response]
) -> None:
    client.post(path)
    assert ask(stranger, path).json()["code"] == "not_found"
    assert ask(stranger, f"/v1/documents/{uuid4()}/invoice").status_code == 404


def test_a_document_that_is_being_read_can_wait(client: httpx.Client, document_id: UUID) -> None:
    answer = client.post(f"/v1/documents/{document_id}/invoice")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_final")


@pytest.mark.parametrize("status", [DocumentStatus.FAILED, DocumentStatus.CANCELLED])
def test_a_document_without_a_result_has_no_fields(
    client: httpx.Client, document_id: UUID, finish: Finish, status: DocumentStatus
) -> None:
    finish(document_id, status=status)
    answer = client.post(f"/v1/documents/{document_id}/invoice")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_the_same_file_sent_again_with_the_wish_starts_it(
    client: httpx.Client, document_id: UUID, finish: Finish
) -> None:
    finish(document_id)
    again = client.post("/v1/documents", files={"file": ("scan.png", PNG)}, data={"extract": "invoice"})
    assert (again.status_code, again.json()["id"]) == (200, str(document_id))
    assert client.get(f"/v1/documents/{document_id}/invoice").json()["code"] == "not_final"


def test_the_wish_reaches_a_document_that_is_being_read(client: httpx.Client, document_id: UUID) -> None:
    client.post("/v1/documents", files={"file": ("scan.png", PNG)}, data={"extract": "invoice"})
    assert client.get(f"/v1/documents/{document_id}/invoice").json()["code"] == "not_final"


def test_an_upload_can_ask_as_well(client: httpx.Client) -> None:
    announced = {"filename": "a.png", "media_type": "image/png", "size_bytes": 32, "extract": "invoice"}
    document_id = client.post("/v1/uploads", json=announced).json()["document_id"]
    assert client.get(f"/v1/documents/{document_id}/invoice").json()["code"] == "not_final"


def test_only_what_there_is_can_be_extracted(client: httpx.Client) -> None:
    answer = client.post("/v1/documents", files={"file": ("scan.png", PNG)}, data={"extract": "recipe"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")
