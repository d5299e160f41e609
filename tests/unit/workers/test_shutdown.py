"""The end of a worker, turn by turn of a loop that a test turns: what signals and reconnections find in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import WorkerShutdown
from celery.worker import state

from workers.shutdown import IDLE_SECONDS, LAST_SECONDS, Shutdown

SOFT_SECONDS = 60.0


class Hub:
    """Calls nothing by itself."""

    def __init__(self) -> None:
        self._soon: list[Callable[[], object]] = []
        self._always: list[Callable[[], object]] = []

    def call_later(self, _delay: float, callback: Callable[..., object], *args: object) -> None:
        """Note what the next turn is to call."""
        self._soon.append(lambda: callback(*args))

    def call_repeatedly(self, _delay: float, callback: Callable[..., object], *args: object) -> None:
        """Note what turns after the first are to call."""
        self._always.append(lambda: callback(*args))

    def turn(self) -> None:
        """Call what is due."""
        due, self._soon = self._soon or self._always, []
        for callback in due:
            callback()


class Request:
    """A message in hand."""

    def __init__(self, **kwargs: str) -> None:
        self.kwargs = kwargs


class Worker:
    """A consumer with the step, and what became of it."""

    def __init__(self) -> None:
        self.ended: list[int] = []
        self.cancelled = 0
        self.hub = Hub()
        self.conf = SimpleNamespace(worker_soft_shutdown_timeout=SOFT_SECONDS)
        self.consumer: Any = SimpleNamespace(
            app=SimpleNamespace(conf=self.conf), task_consumer=SimpleNamespace(cancel=self._cancel), steps=[]
        )
        signal.signal(signal.SIGTERM, self._celerys)
        self.step = Shutdown(self.consumer)
        self.step.start(self.consumer)
        self.connect()

    def connect(self) -> None:
        """Begin with a connection, as Celery does after each loss of one."""
        self.hub = Hub()
        self.step.register_with_event_loop(self.consumer, self.hub)

    def _cancel(self) -> None:
        self.cancelled += 1

    def _celerys(self, number: int, _frame: FrameType | None) -> None:
        self.ended.append(number)


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A worker without jobs; this process' signals and requests are as before when it is gone."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    state.reserved_requests.clear()
    yield Worker()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGALRM, before[1])
    state.reserved_requests.clear()


def sigterm() -> None:
    """Send it to this process, whose handler has run when this returns."""
    os.kill(os.getpid(), signal.SIGTERM)


def patience() -> float:
    """How many seconds remain until the worker is ended by force."""
    return signal.getitimer(signal.ITIMER_REAL)[0]


def test_a_worker_without_jobs_ends_with_the_next_turn(worker: Worker) -> None:
    worker.hub.turn()
    sigterm()
    assert 0 < patience() <= IDLE_SECONDS
    with pytest.raises(WorkerShutdown):
        worker.hub.turn()
    assert worker.cancelled == 1
    assert IDLE_SECONDS < patience() <= LAST_SECONDS


def test_a_message_that_comes_between_the_signal_and_the_loop_s_turn_has_the_patience_of_any(worker: Worker) -> None:
    worker.hub.turn()
    sigterm()
    late = Request(job_id="0")
    state.reserved_requests.add(late)
    worker.hub.turn()
    assert SOFT_SECONDS - 5 < patience() <= SOFT_SECONDS


def test_an_ending_worker_does_not_consume_over_a_new_connection(worker: Worker) -> None:
    job = Request(job_id="0")
    state.reserved_requests.add(job)
    sigterm()
    worker.hub.turn()
    worker.connect()
    worker.hub.turn()
    assert worker.cancelled == 2
    assert SOFT_SECONDS - 5 < patience() <= SOFT_SECONDS


def test_a_message_without_a_job_does_not_keep_the_worker_from_ending(worker: Worker) -> None:
    strange = Request()
    state.reserved_requests.add(strange)
    sigterm()
    sigterm()
    assert worker.ended == [signal.SIGTERM]
    worker.step.stop(worker.consumer)
