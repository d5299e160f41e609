"""What was read: pages while reading goes on, results when it is over."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from functions.api.routes import pages
from shared.bootstrap import Services
from shared.config import MIB
from shared.models import Document, DocumentStatus, Page

Finish = Callable[..., None]


def test_pages_are_listed_in_order_with_a_cursor(client: httpx.Client, document_id: UUID, finish: Finish) -> None:
    finish(document_id, pages=5)
    url = f"/v1/documents/{document_id}/pages"
    first = client.get(url, params={"limit": 2}).json()
    assert [page["number"] for page in first["items"]] == [1, 2]
    assert first["next_cursor"] == "2"
    rest = client.get(url, params={"after": first["next_cursor"]}).json()
    assert [page["text"] for page in rest["items"]] == ["page 3", "page 4", "page 5"]
    assert rest["next_cursor"] is None
    assert "words" not in rest["items"][0]


def test_words_come_when_asked_for(client: httpx.Client, document_id: UUID, finish: Finish) -> None:
    finish(document_id, pages=3)
    answer = client.get(f"/v1/documents/{document_id}/pages", params={"words": "true", "after": 1, "limit": 1})
    assert answer.json()["items"][0]["words"] == [{"text": "w2", "confidence": 0.9, "box": [1, 2, 3, 4]}]


def test_pages_are_there_while_others_are_still_read(client: httpx.Client, stack: Services, document_id: UUID) -> None:
    with stack.database.write() as work:
        work.session.add(Page(document_id=document_id, number=1, status="done", text="early"))
        work.session.add(Page(document_id=document_id, number=2, status="pending"))
        work.session.add(
            Page(document_id=document_id, number=3, status="failed", error_code="page_timeout", error_message="slow")
        )
    items = client.get(f"/v1/documents/{document_id}/pages", params={"words": "true"}).json()["items"]
    assert [(item["number"], item["status"]) for item in items] == [(1, "done"), (3, "failed")]
    assert items[0]["words"] == []
    assert items[1]["error"] == {"code": "page_timeout", "message": "slow"}


def test_an_answer_stays_small_enough_to_be_given(
    client: httpx.Client, document_id: UUID, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(document_id, pages=4)
    monkeypatch.setattr(pages, "ANSWER_BYTES", 500)
    url = f"/v1/documents/{document_id}/pages"
    seen: list[int] = []
    after = "0"
    while True:
        page = client.get(url, params={"words": "true", "after": after}).json()
        assert 1 <= len(page["items"]) < 4
        seen += [item["number"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        after = page["next_cursor"]
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("option", "value"), [("after", "-1"), ("after", str(2**63)), ("limit", "201"), ("words", "maybe")]
)
def test_wrong_page_options_are_named(client: httpx.Client, document_id: UUID, option: str, value: str) -> None:
    answer = client.get(f"/v1/documents/{document_id}/pages", params={option: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")


def test_results_come_as_text_and_json(client: httpx.Client, document_id: UUID, finish: Finish) -> None:
    finish(document_id)
    url = f"/v1/documents/{document_id}/result"
    text = client.get(url)
    assert text.text == "Grüße\n"
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get(url, params={"format": "json"}).json() == {"pages": []}


@pytest.mark.parametrize("result_format", ["docx", "pdf/a", "", "TEXT"])
def test_other_formats_are_refused(client: httpx.Client, document_id: UUID, result_format: str) -> None:
    answer = client.get(f"/v1/documents/{document_id}/result", params={"format": result_format})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")


def test_there_is_no_result_before_the_end(client: httpx.Client, document_id: UUID) -> None:
    answer = client.get(f"/v1/documents/{document_id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_final")


def test_a_failed_document_says_why_it_has_no_result(client: httpx.Client, stack: Services, document_id: UUID) -> None:
    with stack.database.write() as work:
        row = work.session.get_one(Document, document_id)
        row.status, row.error_code, row.error_message = DocumentStatus.FAILED, "corrupt_file", "It is cut off."
    answer = client.get(f"/v1/documents/{document_id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "It is cut off." in answer.json()["detail"]
    error = client.get(f"/v1/documents/{document_id}").json()["error"]
    assert error == {"code": "corrupt_file", "message": "It is cut off."}


def test_large_results_lie_elsewhere(client: httpx.Client, stack: Services, document_id: UUID, finish: Finish) -> None:
    finish(document_id)
    url, key = f"/v1/documents/{document_id}/result", f"documents/{document_id}/result.txt"
    stack.store.put(key, b"x" * 4 * MIB, "text/plain")
    whole = client.get(url)
    assert (whole.status_code, len(whole.content)) == (200, 4 * MIB)
    stack.store.put(key, b"x" * (4 * MIB + 1), "text/plain")
    elsewhere = client.get(url)
    assert elsewhere.status_code == 307
    assert key in elsewhere.headers["location"]
    assert "X-Amz-Signature" in elsewhere.headers["location"]


def test_a_lost_result_is_told_without_its_key(
    client: httpx.Client, stack: Services, document_id: UUID, finish: Finish
) -> None:
    finish(document_id)
    stack.store.delete_prefix(f"documents/{document_id}/")
    answer = client.get(f"/v1/documents/{document_id}/result")
    assert (answer.status_code, answer.json()["code"]) == (404, "object_missing")
    assert "result.txt" not in answer.text
