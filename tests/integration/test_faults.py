"""What goes wrong in production, done on purpose to real processes: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from infra import samples
from shared.models import JobStatus
from tests.support import documents
from tests.support.engine_scripts import FAIL, HANG, KILL, EngineScript
from tests.support.lanes import Lanes
from tests.support.waiting import wait_until

ACCEPTED = 202


def test_redis_down_at_submit_is_answered_at_once_and_read_later(lanes: Lanes) -> None:
    lanes.redis.kill()
    started = time.monotonic()
    answer = lanes.submit(("note.png", documents.png("Redis was away")))
    assert time.monotonic() - started < 2
    assert answer.status_code == ACCEPTED
    lanes.redis.start()
    lanes.start_worker()
    document = lanes.wait(answer.json()["id"], relaying=True)
    assert document["status"] == "completed"


def test_redis_silent_at_submit_is_answered_at_once_and_read_later(lanes: Lanes) -> None:
    lanes.redis.pause()
    started = time.monotonic()
    answer = lanes.submit(("note.png", documents.png("Redis was silent")))
    assert time.monotonic() - started < 2
    assert answer.status_code == ACCEPTED
    lanes.redis.resume()
    lanes.start_worker()
    assert lanes.wait(answer.json()["id"], relaying=True)["status"] == "completed"


def test_redis_flushed_while_documents_wait_loses_none(lanes: Lanes) -> None:
    ids = [lanes.submit((f"{n}.png", documents.png(f"Number {n}"))).json()["id"] for n in range(5)]
    lanes.redis.flush()
    lanes.start_worker()
    assert [lanes.wait(id_, relaying=True)["status"] for id_ in ids] == ["completed"] * 5


def test_a_running_worker_survives_a_redis_that_restarts(lanes: Lanes) -> None:
    lanes.start_worker()
    before = lanes.submit(("before.png", documents.png("before"))).json()["id"]
    assert lanes.wait(before)["status"] == "completed"
    lanes.redis.restart()
    after = lanes.submit(("after.png", documents.png("after"))).json()["id"]
    assert lanes.wait(after, relaying=True)["status"] == "completed"


def test_a_killed_worker_s_document_is_finished_by_another(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path)
    first = lanes.start_worker(TESSERACT_CMD=str(engine.path))
    document_id = lanes.submit(("long.pdf", documents.scanned_pdf(20))).json()["id"]
    wait_until(lambda: lanes.document(document_id)["progress"]["pages_done"] >= 6, 60, "six pages")
    lanes.kill(first)
    read_before = {page.number: page.words_key for page in lanes.pages(document_id) if page.words_key}
    assert 6 <= len(read_before) < 20
    lanes.start_worker(TESSERACT_CMD=str(engine.path))
    document = lanes.wait(document_id, relaying=True)
    assert document["status"] == "completed"
    assert document["progress"] == {"pages_done": 20, "pages_total": 20}
    read_after = {page.number: page.words_key for page in lanes.pages(document_id)}
    assert {number: read_after[number] for number in read_before} == read_before
    # The page in hand when the worker died is the only one that may be read twice.
    assert 20 <= engine.calls <= 21
    result = lanes.client.get(f"/v1/documents/{document_id}/result", params={"format": "json"}).json()
    assert [page["number"] for page in result["pages"]] == list(range(1, 21))
    assert [documents.page_word(number) in page["text"] for number, page in enumerate(result["pages"], 1)] == [
        True
    ] * 20


def test_the_same_message_many_times_gives_one_result(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path)
    document_id = lanes.submit(("once.png", documents.png("Only once"))).json()["id"]
    (job,) = lanes.jobs(document_id)
    for _ in range(5):
        lanes.broker.send(lanes.message_for(job))
    for _ in range(2):
        lanes.start_worker(TESSERACT_CMD=str(engine.path))
    assert lanes.wait(document_id)["status"] == "completed"
    wait_until(lambda: lanes.broker.waiting() + lanes.broker.under_way() == 0, 20, "an empty broker")
    assert engine.calls == 1
    assert len(lanes.pages(document_id)) == 1
    assert [(job.status, job.attempt) for job in lanes.jobs(document_id)] == [(JobStatus.SUCCEEDED, 1)]


def test_a_store_that_fails_for_a_while_delays_and_loses_nothing(lanes: Lanes, tmp_path: Path) -> None:
    # A worker would not start without its store, so it is held while one document goes in and the store goes down.
    worker = lanes.start_worker(RETRY_SECONDS="2", WORKER_ALIVE_FILE=str(tmp_path / "alive"))
    wait_until((tmp_path / "alive").exists, 30, "a worker's first sign of life")
    os.killpg(worker.pid, signal.SIGSTOP)
    document_id = lanes.submit(("late.png", documents.png("Worth the wait"))).json()["id"]
    lanes.store.failing = True
    os.killpg(worker.pid, signal.SIGCONT)
    wait_until(lambda: lanes.jobs(document_id)[0].error_code == "storage_unavailable", 60, "a failed attempt")
    lanes.store.failing = False
    assert lanes.wait(document_id)["status"] == "completed"
    assert lanes.jobs(document_id)[0].attempt > 1


def test_a_document_that_always_fails_is_given_up_and_the_queue_moves_on(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, FAIL)
    lanes.start_worker(TESSERACT_CMD=str(engine.path))
    bad = lanes.submit(("bad.png", documents.png("Unreadable")), engine="tesseract").json()["id"]
    good = lanes.submit(samples.path("born-digital.pdf")).json()["id"]
    assert lanes.wait(good)["status"] == "completed"
    document = lanes.wait(bad)
    assert document["status"] == "failed"
    assert document["error"]["code"] == "engine_failed"
    assert "The glyphs are on fire." in document["error"]["message"]
    assert engine.calls == 3


def test_a_page_one_engine_fails_on_is_read_by_another(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, FAIL)
    lanes.start_worker(TESSERACT_CMD=str(engine.path))
    document = lanes.wait(lanes.submit(samples.path("letter-scan.png")).json()["id"])
    [page] = lanes.client.get(f"/v1/documents/{document['id']}/pages").json()["items"]
    assert (document["status"], page["engine"]) == ("completed", "rapidocr")
    tried = [(attempt["engine"], attempt["kept"], attempt["error"]) for attempt in page["attempts"]]
    assert tried == [("tesseract", False, "engine_failed"), ("rapidocr", True, None)]


def test_a_document_that_kills_its_worker_is_given_up_and_the_worker_lives_on(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, KILL)
    worker = lanes.start_worker(TESSERACT_CMD=str(engine.path))
    poison = lanes.submit(("poison.png", documents.png("Poison"))).json()["id"]
    document = lanes.wait(poison, relaying=True)
    assert document["status"] == "failed"
    assert document["error"]["code"] == "worker_lost"
    assert engine.calls == 3
    good = lanes.submit(samples.path("born-digital.pdf")).json()["id"]
    assert lanes.wait(good)["status"] == "completed"
    assert worker.poll() is None


def test_a_document_whose_pages_all_hang_is_given_up_soon(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, HANG)
    lanes.start_worker(TESSERACT_CMD=str(engine.path), PAGE_TIMEOUT_SECONDS="1")
    document_id = lanes.submit(("many.pdf", documents.scanned_pdf(24))).json()["id"]
    document = lanes.wait(document_id, 90, relaying=True)
    assert (document["status"], document["error"]["code"]) == ("failed", "page_timeout")
    assert "was not tried" in " ".join(page.error_message or "" for page in lanes.pages(document_id))
    assert engine.calls <= 12  # of 24 pages, three attempts each


def test_a_page_that_hangs_fails_alone(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, documents.HANG_ON_FIRST_CALL)
    lanes.start_worker(TESSERACT_CMD=str(engine.path), PAGE_TIMEOUT_SECONDS="3", MAX_ATTEMPTS="1")
    document_id = lanes.submit(("three.pdf", documents.scanned_pdf(3))).json()["id"]
    document = lanes.wait(document_id, relaying=True)
    assert document["status"] == "partial"
    assert document["error"]["code"] == "page_timeout"
    # Asked again, only the page that failed is read.
    calls = engine.calls
    assert lanes.client.post(f"/v1/documents/{document_id}/retry").status_code == ACCEPTED
    assert lanes.wait(document_id, relaying=True)["status"] == "completed"
    assert engine.calls == calls + 1
