"""SIGTERM, which is what ECS sends: nothing is lost, and nobody waits longer than they must."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from shared.models import JobStatus
from tests.support import documents
from tests.support.engine_scripts import EngineScript
from tests.support.lanes import Lanes
from tests.support.waiting import wait_until

SLOW = "if reads:\n    import time\n    time.sleep(1)\n"
"""A page takes a second longer than it takes."""

HELD = "if reads:\n    import time\n    while not os.path.exists(sys.argv[0] + '.go'):\n        time.sleep(0.05)\n"
"""A page takes until a test says go."""


def end(worker: subprocess.Popen[bytes], timeout: float) -> float:
    """Send SIGTERM to a worker's main process and return after how many seconds it was gone."""
    began = time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)
    worker.wait(timeout)
    return time.monotonic() - began


def start(lanes: Lanes, **environment: str) -> subprocess.Popen[bytes]:
    """Start a worker and wait until it consumes."""
    alive = lanes.directory / f"alive-{len(lanes.processes)}"
    worker = lanes.start_worker(WORKER_ALIVE_FILE=str(alive), **environment)
    wait_until(alive.exists, 30, "a worker's first sign of life")
    return worker


def test_an_idle_worker_ends_at_once(lanes: Lanes) -> None:
    worker = start(lanes, WORKER_SOFT_SHUTDOWN_SECONDS="60")
    assert end(worker, 20) < 5
    assert worker.returncode == 0


def test_a_worker_ends_as_soon_as_its_job_has(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, SLOW)
    worker = start(lanes, WORKER_SOFT_SHUTDOWN_SECONDS="60", TESSERACT_CMD=str(engine.path))
    document_id = lanes.submit(("three.pdf", documents.scanned_pdf(3))).json()["id"]
    wait_until(lambda: engine.calls, 30, "the first page")
    assert end(worker, 50) < 20
    assert worker.returncode == 0
    # The job was finished and acknowledged: nothing is left for anybody.
    assert lanes.document(document_id)["status"] == "completed"
    assert engine.calls == 3
    assert lanes.broker.waiting() + lanes.broker.under_way() == 0


def test_what_takes_too_long_is_handed_on_at_once(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, SLOW)
    worker = start(
        lanes, WORKER_SOFT_SHUTDOWN_SECONDS="2", TESSERACT_CMD=str(engine.path), LEASE_SECONDS="600", INLINE_PAGES="99"
    )
    document_id = lanes.submit(("ten.pdf", documents.scanned_pdf(10))).json()["id"]
    wait_until(lambda: lanes.document(document_id)["progress"]["pages_done"] >= 1, 30, "the first page")
    assert end(worker, 30) < 10
    read_before = {page.number: page.words_key for page in lanes.pages(document_id) if page.words_key}
    assert 1 <= len(read_before) < 10
    # No relay runs: the message is back in the queue, and the job is free although its lease was long.
    lanes.start_worker(TESSERACT_CMD=str(engine.path), LEASE_SECONDS="600", INLINE_PAGES="99")
    assert lanes.wait(document_id, 60)["status"] == "completed"
    read_after = {page.number: page.words_key for page in lanes.pages(document_id)}
    assert {number: read_after[number] for number in read_before} == read_before
    assert 10 <= engine.calls <= 11
    assert [(job.status, job.attempt) for job in lanes.jobs(document_id)] == [(JobStatus.SUCCEEDED, 2)]


def test_a_second_sigterm_does_not_wait(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, documents.HANG_ON_FIRST_CALL)
    worker = start(lanes, WORKER_SOFT_SHUTDOWN_SECONDS="60", TESSERACT_CMD=str(engine.path))
    lanes.submit(("hangs.png", documents.png("Hangs")))
    wait_until(lambda: engine.calls, 30, "the page that hangs")
    os.kill(worker.pid, signal.SIGTERM)
    wait_until(lambda: "ending with the jobs in hand" in lanes.log(), 10, "the first signal's effect")
    assert end(worker, 20) < 5


def test_an_ending_worker_takes_nothing_from_a_broker_that_comes_back(lanes: Lanes, tmp_path: Path) -> None:
    engine = EngineScript(tmp_path, HELD)
    worker = start(lanes, WORKER_SOFT_SHUTDOWN_SECONDS="60", TESSERACT_CMD=str(engine.path))
    in_hand = lanes.submit(("first.png", documents.png("First"))).json()["id"]
    wait_until(lambda: engine.calls, 30, "the first page")
    os.kill(worker.pid, signal.SIGTERM)
    wait_until(lambda: "ending with the jobs in hand" in lanes.log(), 10, "the signal's effect")
    lanes.redis.kill()
    wait_until(lambda: "Trying again in" in lanes.log(), 20, "the worker to notice")
    lanes.redis.start()
    wait_until(lambda: lanes.log().count("Connected to redis") == 2, 40, "the worker's new connection")
    late = lanes.submit(("second.png", documents.png("Second"))).json()["id"]
    Path(f"{engine.path}.go").touch()
    assert lanes.wait(in_hand)["status"] == "completed"
    assert worker.wait(20) == 0
    assert lanes.document(late)["status"] == "queued"
    assert lanes.broker.waiting() == 1


@pytest.mark.parametrize("silent", [False, True])
def test_a_worker_without_its_broker_ends_at_once(lanes: Lanes, *, silent: bool) -> None:
    worker = start(lanes, WORKER_SOFT_SHUTDOWN_SECONDS="60")
    if silent:
        lanes.redis.pause()
    else:
        lanes.redis.kill()
        wait_until(lambda: "Trying again in" in lanes.log(), 20, "the worker to notice")
    try:
        assert end(worker, 60) < 20
    finally:
        lanes.redis.resume()
