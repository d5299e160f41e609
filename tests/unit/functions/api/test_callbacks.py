"""`callback_url` of documents."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from shared.bootstrap import Services
from shared.models import Document
from tests.support.hostile_urls import LITERAL
from tests.unit.functions.api.conftest import PNG
from tests.unit.functions.api.sending import assert_refused, send

CALLBACK = "https://example.com/done"
UPLOAD = {"filename": "a.png", "media_type": "image/png", "size_bytes": 9}


def test_both_ways_in_take_a_callback(client: httpx.Client, stack: Services) -> None:
    sent = send(client, callback_url=CALLBACK)
    announced = client.post("/v1/uploads", json=UPLOAD | {"callback_url": CALLBACK})
    assert (sent.status_code, announced.status_code) == (202, 201)
    with stack.database.read() as session:
        for document_id in (sent.json()["id"], announced.json()["document_id"]):
            assert session.get_one(Document, UUID(document_id)).callback_url == CALLBACK
    # It changes nothing about what is read.
    again = send(client)
    assert (again.status_code, again.json()["id"]) == (200, sent.json()["id"])


@pytest.mark.parametrize("hostile", LITERAL)
def test_a_hostile_callback_is_refused(client: httpx.Client, hostile: str) -> None:
    given = hostile.format(port=80)
    code = "url_not_allowed" if given else "invalid_option"
    assert_refused(client.post("/v1/uploads", json=UPLOAD | {"callback_url": given}), 422, code)
    answer = client.post("/v1/documents", files={"file": ("a.png", PNG)}, data={"callback_url": given})
    assert_refused(answer, 422, code)
    assert client.get("/v1/documents").json()["items"] == []


def test_who_asks_again_with_a_callback_hears_of_a_final_document(
    client: httpx.Client, stack: Services, document_id: UUID
) -> None:
    client.post(f"/v1/documents/{document_id}/cancel")
    answer = send(client, callback_url=CALLBACK)
    assert (answer.status_code, answer.json()["id"]) == (200, str(document_id))
    assert stack
    [delivery] = client.get("/v1/webhooks/callbacks/deliveries").json()["items"]
    assert (delivery["url"], delivery["event_type"], delivery["status"]) == (CALLBACK, "document.cancelled", "pending")
