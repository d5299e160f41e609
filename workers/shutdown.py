"""How a worker ends: at once when it is idle, as soon as the jobs in hand have ended, and before ECS loses patience.

Celery's own soft shutdown sleeps for its whole length in the signal's handler, and the loop that would notice the end
of a job sleeps with it. So SIGTERM only makes a note here while a job is being worked on; the loop goes on, takes no
more messages, and ends when the last job has. When the time is up, Celery's handler, which this one stands before,
kills what is left; the jobs' leases are ended, their messages go back into the queue, and other workers go on with the
pages that are missing.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn
from uuid import UUID

from billiard import active_children
from celery import bootsteps
from celery.exceptions import WorkerShutdown
from celery.worker import state

from shared.bootstrap import services
from shared.config import ConfigurationError
from shared.errors import DatabaseUnavailable
from workers.alive import SignsOfLife

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How often the loop looks whether the last job has ended."""

IDLE_SECONDS = 2.0
"""How long an idle worker's loop may take to end it; a loop that has lost its broker does not turn."""

LAST_SECONDS = 15.0
"""What remains to be done without jobs may take so long; a broker that is silent would be asked for a minute."""


class Shutdown(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery publishes no types
    """A step of Celery's consumer. Celery's handler of SIGTERM stays in place for whom this one can't help."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._conf = consumer.app.conf
        self._celerys: Callable[[int, FrameType | None], Any] | None = None
        self._asked = self._consuming_ended = self._over = False
        self._asked_at = 0.0
        self._left: list[str] = []

    def start(self, _consumer: Any) -> None:
        """Stand before Celery's handler, which is in place when the consumer starts."""
        if self._celerys is None:
            before = signal.signal(signal.SIGTERM, self._on_sigterm)
            if not callable(before):
                message = f"Celery has no handler of SIGTERM, but {before!r}."
                raise TypeError(message)
            self._celerys = before

    def register_with_event_loop(self, consumer: Any, hub: Any) -> None:
        """Look while the loop turns, first before it takes a message: a new connection consumes again."""
        self._consuming_ended = False
        hub.call_later(0, self._look, consumer)
        hub.call_repeatedly(LOOK_SECONDS, self._look, consumer)

    def stop(self, _consumer: Any) -> None:
        """End the leases of jobs whose processes were killed, before their messages go back into the queue."""
        while self._left:
            job_id = self._left.pop()
            try:
                services().jobs.release(UUID(job_id))
                log.warning("the job was handed on", extra={"job_id": job_id})
            except (DatabaseUnavailable, ConfigurationError) as error:
                log.warning("the job waits for the end of its lease: %s", error, extra={"job_id": job_id})

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        """Note it; nothing is logged in a handler, which may have interrupted a line being written."""
        seconds = self._conf.worker_soft_shutdown_timeout if state.reserved_requests else IDLE_SECONDS
        if self._asked or not seconds:
            self._end_now(number, frame)
            return
        self._asked, self._asked_at = True, time.monotonic()
        _alarm(seconds, self._end_now)

    def _look(self, consumer: Any) -> None:
        # While the pool ends, Celery fires the loop's timers from another thread.
        if not self._asked or self._over:
            return
        if not self._consuming_ended:
            self._end_consuming(consumer)
            log.info("ending with the jobs in hand", extra={"jobs": len(state.reserved_requests)})
        if not state.reserved_requests:
            self._over = True
            _alarm(LAST_SECONDS, _leave)
            raise WorkerShutdown(0)

    def _end_consuming(self, consumer: Any) -> None:
        """Take no more; what came after SIGTERM, which found the worker idle, is given as long as any job."""
        self._consuming_ended = True
        consumer.task_consumer.cancel()
        for step in consumer.steps:
            if isinstance(step, SignsOfLife):
                step.end_consuming()
        if state.reserved_requests and (seconds := self._conf.worker_soft_shutdown_timeout):
            # A timer of 0 seconds would never ring.
            _alarm(max(0.001, self._asked_at + seconds - time.monotonic()), self._end_now)

    def _end_now(self, _number: int, frame: FrameType | None) -> None:
        """Have Celery kill what is left, without a soft shutdown of its own, and end."""
        self._over = True
        _alarm(LAST_SECONDS, _leave)
        # A stranger's message may have none.
        given = [request.kwargs.get("job_id") for request in tuple(state.reserved_requests)]
        self._left = [job_id for job_id in given if job_id]
        self._conf.worker_soft_shutdown_timeout = 0
        if self._celerys is not None:
            self._celerys(signal.SIGTERM, frame)


def _alarm(seconds: float, then: Callable[[int, FrameType | None], Any]) -> None:
    """Have something done even where the loop does not turn, as in a worker that waits for its broker."""
    signal.signal(signal.SIGALRM, then)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End without saying goodbye to the broker: messages under way are restored, and jobs are rows."""
    for child in active_children():
        child.terminate()
    os._exit(1)
