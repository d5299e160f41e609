"""Quotes, receipts and batches, through the API and a real worker."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pikepdf
import pytest

from infra import samples
from tests.support import documents
from tests.support.engine_scripts import EngineScript
from tests.support.lanes import Lanes
from tests.support.waiting import wait_until

SLOW = "if reads:\n    import time\n    time.sleep(1)\n"
"""What a page takes longer, so that it matters where reading stops."""


def quote(lanes: Lanes, name: str, body: bytes, **options: str) -> httpx.Response:
    return lanes.client.post("/v1/quotes", files={"file": (name, body)}, data=options)


def left_behind(lanes: Lanes) -> list[str]:
    return [key for key in _stored(lanes) if key.startswith("quotes/")]


def _stored(lanes: Lanes) -> list[str]:
    keys: list[str] = lanes.store.keys()  # of a bucket, not of a dict
    return keys


def encrypted(password: str) -> bytes:
    buffer = BytesIO()
    with pikepdf.open(BytesIO(documents.scanned_pdf(1))) as pdf:
        pdf.save(buffer, encryption=pikepdf.Encryption(owner=password, user=password))
    return buffer.getvalue()


# --- quotes


def test_a_quote_tells_pages_with_text_from_those_to_recognise(shared_lanes: Lanes) -> None:
    answer = quote(shared_lanes, "mixed.pdf", samples.path("mixed.pdf").read_bytes())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    counts = ("page_count", "pages", "pages_with_text_layer", "pages_to_recognise")
    assert [found[name] for name in counts] == [4, 4, 2, 2]
    assert (found["status"], found["flags"], found["engine"]) == ("completed", [], "auto")
    assert found["textract_dollars"] == pytest.approx(4 * 0.0015)
    assert 0 < found["expected_dollars"]["total"] < found["textract_dollars"]
    assert 0 < found["expected_cpu_seconds"] <= 20
    assert shared_lanes.client.get(answer.headers["location"]).json() == found
    assert left_behind(shared_lanes) == []
    # Nothing was read, and there is no document.
    assert shared_lanes.client.get("/v1/documents", params={"limit": 200}).json()["items"] == []


def test_options_count_in_a_quote(shared_lanes: Lanes) -> None:
    body = samples.path("mixed.pdf").read_bytes()
    found = quote(shared_lanes, "mixed.pdf", body, pages="1-3", text_layer="ignore").json()
    counts = ("page_count", "pages", "pages_with_text_layer", "pages_to_recognise")
    assert [found[name] for name in counts] == [4, 3, 2, 3]
    image = quote(shared_lanes, "a.png", documents.png("Hello")).json()
    assert [image[name] for name in counts] == [1, 1, 0, 1]


@pytest.mark.parametrize(
    ("body", "options", "code"),
    [
        (encrypted("sesame"), {}, "password_required"),
        (encrypted("sesame"), {"password": "mellon"}, "wrong_password"),
        (documents.scanned_pdf(1)[:200], {}, "corrupt_file"),
        (documents.scanned_pdf(2), {"pages": "5"}, "page_out_of_range"),
    ],
)
def test_what_is_wrong_with_the_file_is_the_answer(
    shared_lanes: Lanes, body: bytes, options: dict[str, str], code: str
) -> None:
    answer = quote(shared_lanes, "torn.pdf", body, **options)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    kept = shared_lanes.client.get(answer.headers["location"]).json()
    assert (kept["status"], kept["error"]["code"], kept["pages"]) == ("failed", code, None)
    assert left_behind(shared_lanes) == []


def test_a_password_opens_a_file_for_a_quote_and_is_not_kept(shared_lanes: Lanes) -> None:
    found = quote(shared_lanes, "locked.pdf", encrypted("sesame"), password="sesame").json()  # noqa: S106  # of no account
    assert (found["pages"], found["flags"]) == (1, ["encrypted"])


def test_a_document_that_is_here_is_quoted_and_keeps_its_file(shared_lanes: Lanes) -> None:
    document = shared_lanes.wait(shared_lanes.submit(("two.pdf", documents.scanned_pdf(2))).json()["id"])
    as_json, as_form = {"json": {"document_id": document["id"]}}, {"files": {"document_id": (None, document["id"])}}
    for request in (as_json, as_form):
        answer = shared_lanes.client.post("/v1/quotes", **request)
        assert (answer.status_code, answer.json().get("pages_to_recognise")) == (200, 2), answer.text
        assert answer.json()["document_id"] == document["id"]
    assert shared_lanes.document(document["id"])["status"] == "completed"
    assert any(key.endswith("/source") for key in _stored(shared_lanes))


def test_what_was_read_makes_the_next_quote_a_measured_one(lanes: Lanes) -> None:
    lanes.start_worker()
    lanes.wait(lanes.submit(("six.pdf", documents.scanned_pdf(6))).json()["id"])
    found = quote(lanes, "next.pdf", documents.scanned_pdf(12)).json()
    assert (found["based_on"], found["pages_to_recognise"]) == ("measured", 12)


def test_a_quote_without_a_worker_is_made_when_there_is_one(lanes: Lanes) -> None:
    answer = lanes.client.post("/v1/quotes", params={"wait": "0.2"}, files={"file": ("a.png", documents.png("Hi"))})
    assert (answer.status_code, answer.json()["status"], answer.json()["pages"]) == (202, "queued", None)
    assert int(answer.headers["retry-after"]) >= 1
    lanes.start_worker()
    where = answer.headers["location"]
    found: dict[str, Any] = wait_until(lambda: _completed(lanes.client.get(where).json()), 60, "the quote")
    assert found["pages_to_recognise"] == 1


def _completed(shown: dict[str, Any]) -> dict[str, Any]:
    return shown if shown["status"] == "completed" else {}


# --- receipts


def test_a_receipt_shows_what_a_real_worker_took(shared_lanes: Lanes) -> None:
    document = shared_lanes.wait(shared_lanes.submit(samples.path("mixed.pdf")).json()["id"], 120)
    receipt = shared_lanes.client.get(document["links"]["cost"]).json()
    assert sum(group["pages"] for group in receipt["pages"]) == 4
    assert {group["source"]: group["pages"] for group in receipt["pages"]} == {"ocr": 2, "text_layer": 2}
    assert sum(receipt["engine_calls"].values()) >= 2
    assert 0.05 < receipt["cpu_seconds"] < 60
    assert 20 < receipt["peak_memory_mb"] < 4000
    assert 0 < receipt["dollars"]["total"] < receipt["textract_dollars"] == pytest.approx(0.006)


# --- batches


def test_a_batch_is_completed_by_its_last_document(shared_lanes: Lanes) -> None:
    ids = [shared_lanes.submit((f"{n}.png", documents.png(f"Batch {n}"))).json()["id"] for n in range(3)]
    torn = shared_lanes.submit(("torn.pdf", documents.scanned_pdf(1)[:200])).json()["id"]
    where = shared_lanes.client.post("/v1/batches", json={"document_ids": [*ids, torn]}).headers["location"]
    found = wait_until(lambda: _completed(shared_lanes.client.get(where).json()), 60, "the batch")
    assert found["counts"] == {"completed": 3, "failed": 1}


def test_documents_read_before_are_read_again_with_other_options(shared_lanes: Lanes) -> None:
    plain = shared_lanes.wait(shared_lanes.submit(samples.path("mixed.pdf")).json()["id"], 120)
    asked = {"document_ids": [plain["id"]], "text_layer": "ignore", "pages": "1"}
    made = shared_lanes.client.post("/v1/batches", json=asked).json()
    again = shared_lanes.wait(made["documents"][0]["document_id"], 120)
    assert (again["status"], again["text_source"], again["progress"]["pages_total"]) == ("completed", "ocr", 1)
    assert shared_lanes.document(plain["id"]) == plain


# --- cancelled between pages


def test_cancelling_takes_effect_at_the_next_page(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, SLOW)
    # All pages in one job, under a lease that is renewed too seldom to tell it.
    lanes.start_worker(TESSERACT_CMD=str(engine.path), INLINE_PAGES="20", LEASE_SECONDS="300")
    document_id = lanes.submit(("long.pdf", documents.scanned_pdf(16)), engine="tesseract").json()["id"]
    where = lanes.client.post("/v1/batches", json={"document_ids": [document_id]}).headers["location"]
    wait_until(lambda: lanes.document(document_id)["progress"]["pages_done"] >= 1, 60, "a page")
    assert lanes.client.get(f"/v1/documents/{document_id}/pages").json()["items"]
    cancelled = lanes.client.post(f"{where}/cancel").json()
    calls = engine.calls
    assert (cancelled["status"], cancelled["counts"]) == ("completed", {"cancelled": 1})
    # A page takes more than a second: the one in hand may end, and one may have begun at that moment.
    wait_until(lambda: lanes.broker.waiting() + lanes.broker.under_way() == 0, 30, "an empty broker")
    assert engine.calls <= calls + 1
    pages = lanes.client.get(f"/v1/documents/{document_id}/pages").json()["items"]
    assert 1 <= len(pages) <= calls
