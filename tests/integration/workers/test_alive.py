"""Signs of life of a real worker on a real Redis: they come while it consumes, and stop when it does not."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import documents
from tests.support.databases import SqliteDatabases
from tests.support.engine_scripts import EngineScript
from tests.support.lanes import Lanes
from tests.support.redis import RedisServer
from tests.support.waiting import wait_until
from workers.alive import SignsOfLife

INTERVAL_SECONDS = 0.2
SILENCE_SECONDS = 2.0
"""Ten signs are missing."""

HASTY_WORKER = f"""
import signal, threading
from workers.__main__ import main
from workers.alive import SignsOfLife
from workers.app import app

class Hasty(SignsOfLife):
    interval_seconds = {INTERVAL_SECONDS}

app.steps["consumer"].remove(SignsOfLife)
app.steps["consumer"].add(Hasty)
# What a bug in the loop would do to it.
signal.signal(signal.SIGUSR2, lambda *_: threading.Event().wait())
main()
"""


class Observed:
    """A worker that gives a sign of life every fifth of a second, and its signs."""

    def __init__(self, lanes: Lanes, directory: Path) -> None:
        self.lanes = lanes
        self.file = directory / "alive"
        self.engine = EngineScript(directory, documents.HANG_ON_FIRST_CALL)
        self.process: subprocess.Popen[bytes] = lanes.start_worker(
            *("-c", HASTY_WORKER),
            WORKER_FLEET="ocr",
            WORKER_SOFT_SHUTDOWN_SECONDS="30",
            WORKER_ALIVE_FILE=str(self.file),
            TESSERACT_CMD=str(self.engine.path),
        )
        wait_until(self.file.exists, 30, "the first sign of life")

    def await_sign(self) -> None:
        """Wait for one that is given from now on."""
        asked = time.time()
        wait_until(lambda: self.file.stat().st_mtime > asked, 20, "a sign of life")

    def await_silence(self) -> None:
        """Wait until there was no sign for long, in the file and in Redis, from a process that runs."""
        wait_until(lambda: time.time() - self.file.stat().st_mtime > SILENCE_SECONDS, 20, "silence")
        assert self.process.poll() is None

    def last_sign_in_redis(self) -> float:
        """When Redis took the last one; 0 where it knows of none."""
        with self.lanes.redis.client() as redis:
            signs = redis.zrange("{twolane}:workers.ocr", 0, -1, withscores=True)
        assert len(signs) <= 1
        return float(signs[0][1]) if signs else 0


@pytest.fixture
def worker(tmp_path: Path, sqlite_databases: SqliteDatabases) -> Iterator[Observed]:
    with sqlite_databases.migrated() as url, Lanes(tmp_path, url) as lanes:
        yield Observed(lanes, tmp_path)


def test_while_it_consumes_signs_come_in_redis_and_in_the_file(worker: Observed) -> None:
    for _ in range(3):
        worker.await_sign()
    assert time.time() - worker.last_sign_in_redis() < SILENCE_SECONDS
    assert worker.lanes.broker.fleets()["ocr"].workers_alive == 1
    with worker.lanes.redis.client() as redis:
        assert 0 < redis.ttl("{twolane}:workers.ocr") <= 60


def test_a_long_job_does_not_keep_signs_from_coming(worker: Observed) -> None:
    worker.lanes.submit(("note.png", documents.png("This takes a while")))
    wait_until(lambda: worker.engine.calls == 1, 30, "the engine's call")
    for _ in range(3):
        worker.await_sign()


def test_signs_stop_with_a_silent_redis_and_come_again_with_its_answers(worker: Observed) -> None:
    worker.lanes.redis.pause()
    worker.await_silence()
    worker.lanes.redis.resume()
    worker.await_sign()


def test_signs_stop_with_redis_gone_and_come_again_with_a_new_one(worker: Observed) -> None:
    worker.lanes.redis.kill()
    worker.await_silence()
    worker.lanes.redis.start()
    worker.await_sign()
    assert worker.last_sign_in_redis() > 0


def test_signs_stop_with_a_loop_that_hangs(worker: Observed) -> None:
    worker.await_sign()
    worker.process.send_signal(signal.SIGUSR2)
    worker.await_silence()
    assert time.time() - worker.last_sign_in_redis() > SILENCE_SECONDS


def test_a_worker_that_ends_its_last_job_is_not_counted_but_healthy(worker: Observed) -> None:
    worker.lanes.submit(("note.png", documents.png("This takes a while")))
    wait_until(lambda: worker.engine.calls == 1, 30, "the engine's call")
    assert worker.lanes.broker.fleets()["ocr"].workers_alive == 1
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.lanes.broker.fleets()["ocr"].workers_alive == 0, 5, "the worker to be counted no more")
    for _ in range(3):
        worker.await_sign()
    assert worker.last_sign_in_redis() == 0


def test_an_idle_worker_that_ends_is_not_counted(worker: Observed) -> None:
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0
    assert worker.lanes.broker.fleets()["ocr"].workers_alive == 0


class Turn:
    """An event loop that turns when a test says so."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []

    def call_later(self, _delay: float, callback: Callable[[], None]) -> Any:
        """Note what is to be called."""
        self.callbacks.append(callback)
        return SimpleNamespace(cancel=lambda: self.callbacks.remove(callback))

    call_repeatedly = call_later


def test_a_sign_that_redis_did_not_take_is_none(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "alive"
    monkeypatch.setenv("WORKER_ALIVE_FILE", str(file))
    app = SimpleNamespace(conf=SimpleNamespace(broker_url=redis_server.url))
    consumer, turn = SimpleNamespace(app=app, hostname="worker"), Turn()
    step = SignsOfLife(consumer)
    step.register_with_event_loop(consumer, turn)
    redis_server.kill()
    turn.callbacks[0]()
    assert not file.exists()
    assert "no sign of life was given" in caplog.text
    redis_server.start()
    turn.callbacks[0]()
    assert file.exists()
    step.stop(consumer)
    assert turn.callbacks == []
