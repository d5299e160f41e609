"""Documents through the HTTP API and real workers: every format, pages, results, cancel, delete, retry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import samples
from tests.support import documents, hostile
from tests.support.engine_scripts import EngineScript
from tests.support.lanes import Lanes
from tests.support.waiting import wait_until

SENTENCE = "Every good harbour has a lighthouse"


def as_format(kind: str) -> Callable[[], bytes]:
    """The sentence as an image file."""
    return lambda: documents.encoded(documents.image(SENTENCE, (1100, 220)), kind)


FORMATS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "PNG": (as_format("PNG"), "image/png", "ocr"),
    "JPEG": (as_format("JPEG"), "image/jpeg", "ocr"),
    "TIFF": (as_format("TIFF"), "image/tiff", "ocr"),
    "BMP": (as_format("BMP"), "image/bmp", "ocr"),
    "GIF": (as_format("GIF"), "image/gif", "ocr"),
    "WebP": (as_format("WEBP"), "image/webp", "ocr"),
    "PDF of a scan": (as_format("PDF"), "application/pdf", "ocr"),
    "PDF with text": (hostile.text_pdf, "application/pdf", "text_layer"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_with_words_and_boxes(shared_lanes: Lanes, name: str) -> None:
    make, media_type, source = FORMATS[name]
    document = shared_lanes.wait(shared_lanes.submit((f"document-of-{name}", make())).json()["id"])
    assert (document["status"], document["media_type"], document["text_source"]) == ("completed", media_type, source)
    assert document["confidence"] > 0.8
    listed = shared_lanes.client.get(f"/v1/documents/{document['id']}/pages", params={"words": "true"}).json()
    (page,) = listed["items"]
    assert "harbour" in page["text"]
    assert page["source"] == source
    word = next(word for word in page["words"] if "harbour" in word["text"])
    left, top, right, bottom = word["box"]
    assert 0 <= left < right <= page["width"]
    assert 0 <= top < bottom <= page["height"]


@pytest.mark.parametrize("name", samples.NAMES)
def test_the_samples_are_read_as_they_were_written(shared_lanes: Lanes, name: str) -> None:
    options = {"clean": "true", "deskew": "true"} if name == "receipt-photo.jpg" else {}
    document = shared_lanes.wait(shared_lanes.submit(samples.path(name), **options).json()["id"], 120)
    assert document["status"] == "completed"
    text = shared_lanes.client.get(f"/v1/documents/{document['id']}/result", params={"format": "text"}).text
    assert samples.word_recall(samples.expected_text(name), text) > 0.9


def test_json_and_text_tell_the_same(shared_lanes: Lanes) -> None:
    document = shared_lanes.wait(shared_lanes.submit(samples.path("mixed.pdf")).json()["id"], 120)
    result = f"/v1/documents/{document['id']}/result"
    whole = shared_lanes.client.get(result, params={"format": "json"}).json()
    text = shared_lanes.client.get(result, params={"format": "text"}).text
    assert [page["source"] for page in whole["pages"]] == ["text_layer", "ocr", "text_layer", "ocr"]
    assert text.split("\f") == [page["text"] for page in whole["pages"]]
    assert whole["document"]["sha256"] == document["sha256"]
    assert all(page["words"] for page in whole["pages"])
    assert document["text_source"] == "mixed"


def test_a_text_layer_can_be_ignored_and_pages_chosen(shared_lanes: Lanes) -> None:
    answer = shared_lanes.submit(samples.path("born-digital.pdf"), text_layer="ignore", pages="2")
    document = shared_lanes.wait(answer.json()["id"])
    assert (document["text_source"], document["page_count"]) == ("ocr", 2)
    listed = shared_lanes.client.get(f"/v1/documents/{document['id']}/pages").json()["items"]
    assert [(page["number"], page["engine"]) for page in listed] == [(2, "tesseract")]


def test_pages_are_there_while_the_rest_is_being_read(shared_lanes: Lanes) -> None:
    document_id = shared_lanes.submit(("long.pdf", documents.scanned_pdf(12)), force="true").json()["id"]
    path = f"/v1/documents/{document_id}/pages"
    early = wait_until(lambda: shared_lanes.client.get(path).json()["items"], 60, "a first page")
    assert len(early) < 12
    assert documents.page_word(early[0]["number"]) in early[0]["text"]
    assert shared_lanes.client.get(f"/v1/documents/{document_id}/result").json()["code"] == "not_final"
    assert shared_lanes.wait(document_id)["progress"] == {"pages_done": 12, "pages_total": 12}


def test_a_long_poll_answers_when_the_document_is_final(shared_lanes: Lanes) -> None:
    document_id = shared_lanes.submit(("soon.png", documents.png("Soon")), force="true").json()["id"]
    document = shared_lanes.client.get(f"/v1/documents/{document_id}", params={"wait": "20"}).json()
    assert document["status"] == "completed"


def test_cancelling_stops_the_reading_and_a_retry_goes_on(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path)
    lanes.start_worker(TESSERACT_CMD=str(engine.path))
    document_id = lanes.submit(("long.pdf", documents.scanned_pdf(16))).json()["id"]
    path = f"/v1/documents/{document_id}"
    wait_until(lambda: lanes.document(document_id)["progress"]["pages_done"] >= 2, 60, "two pages")
    assert lanes.client.post(f"{path}/cancel").json()["status"] == "cancelled"
    # Nothing is left to do once the broker is empty; the page in hand may still have been read.
    wait_until(lambda: lanes.broker.waiting() + lanes.broker.under_way() == 0, 60, "an empty broker")
    stopped_at = engine.calls
    assert stopped_at < 16
    done = {page.number: page.words_key for page in lanes.pages(document_id) if page.words_key}
    assert lanes.client.post(f"{path}/cancel").json()["code"] == "conflict"
    assert lanes.client.post(f"{path}/retry").status_code == 202
    document = lanes.wait(document_id)
    assert (document["status"], document["progress"]["pages_done"]) == ("completed", 16)
    after = {page.number: page.words_key for page in lanes.pages(document_id)}
    assert {number: after[number] for number in done} == done


def test_deleting_while_reading_leaves_nothing_behind(lanes: Lanes) -> None:
    lanes.start_worker()
    document_id = lanes.submit(("long.pdf", documents.scanned_pdf(16))).json()["id"]
    path = f"/v1/documents/{document_id}"
    wait_until(lambda: lanes.document(document_id)["progress"]["pages_done"] >= 2, 60, "two pages")
    assert lanes.client.delete(path).status_code == 204
    assert lanes.client.get(path).json()["code"] == "not_found"
    wait_until(lambda: lanes.broker.waiting() + lanes.broker.under_way() == 0, 60, "an empty broker")
    assert lanes.store.keys() == []
    assert [entry.name for entry in (lanes.directory / "sources").iterdir()] == []


def test_urgent_documents_are_read_first(lanes: Lanes) -> None:
    usual = [lanes.submit((f"{n}.png", documents.png(f"Number {n}"))).json()["id"] for n in range(4)]
    urgent = lanes.submit(("now.png", documents.png("Right now")), urgent="true").json()["id"]
    lanes.start_worker()
    finished = [lanes.wait(document_id)["completed_at"] for document_id in [urgent, *usual]]
    assert finished == sorted(finished)


def test_results_survive_odd_texts(shared_lanes: Lanes) -> None:
    metadata = {"note": 'quotes " and \\ and \u2028 and 😀'}
    answer = shared_lanes.submit(
        ('odd " name\u00e9.png', documents.png("Plain")), metadata=json.dumps(metadata), force="true"
    )
    document = shared_lanes.wait(answer.json()["id"])
    assert document["metadata"] == metadata
    result = shared_lanes.client.get(f"/v1/documents/{document['id']}/result", params={"format": "json"}).json()
    assert result["document"]["metadata"] == metadata
