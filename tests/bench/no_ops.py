"""Jobs a second of one worker on `Ping`, and of a plain Celery worker on a task that does nothing.

Thousands of messages are queued before a worker starts. How fast the queue gets shorter is the rate: the same measure
for both, which costs neither anything. The first and last `EDGE` messages do not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from redis import Redis
from sqlalchemy import func, select

from shared.adapters.broker import PRIORITY_SEPARATOR, Broker
from shared.contracts import KEY_PREFIX, PRIORITY_STEPS, Ping
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.models import JobRow, JobStatus
from tests.bench import plain_celery
from tests.bench.bench import Api, Bench

MESSAGES = 4000
EDGE = 500
PATIENCE_SECONDS = 120


class NoOps:
    """Both workers, on the Redis of one stack."""

    def __init__(self, bench: Bench, api: Api) -> None:
        self._bench = bench
        self._environment = {**api.stack.environment, "WORKER_FLEET": "default", "WORKER_SOFT_SHUTDOWN_SECONDS": "1"}
        self._database = Database(make_engine(api.stack.database_url), Broker(api.stack.redis_url).send)
        self._redis = Redis.from_url(api.stack.redis_url)

    def ours(self) -> float:
        """Return jobs a second, and make sure that every job was done.

        Raises:
            RuntimeError: some were not.
        """
        with self._database.write() as work:
            for _ in range(MESSAGES):
                work.send(Ping())
        return self._rate(Ping.queue, ["-m", "workers"], self._open_jobs)

    def plain(self) -> float:
        """Return tasks a second of a worker that says nothing of them, which is how Celery starts."""
        return self._plain("WARNING")

    def plain_logging(self) -> float:
        """Return tasks a second of a worker that logs each of them, as ours does."""
        return self._plain("INFO")

    def _plain(self, level: str) -> float:
        plain_celery.app.conf.broker_url = self._environment["REDIS_URL"]
        for _ in range(MESSAGES):
            plain_celery.no_op.delay()
        return self._rate(plain_celery.QUEUE, [*plain_celery.WORKER, "--loglevel", level], lambda: 0)

    def _rate(self, queue: str, arguments: list[str], undone: Callable[[], int]) -> float:
        with self._bench.worker([sys.executable, *arguments], self._environment):
            first, began = self._await(lambda: self._waiting(queue), MESSAGES - EDGE)
            last, ended = self._await(lambda: self._waiting(queue), EDGE)
            self._await(lambda: self._waiting(queue) + undone(), 0)
        return (first - last) / (ended - began)

    @staticmethod
    def _await(left: Callable[[], int], goal: int) -> tuple[int, float]:
        """Wait until no more than `goal` are left; return how many, and when."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while (number := left()) > goal:
            if time.perf_counter() > deadline:
                message = f"{number} messages are left after {PATIENCE_SECONDS} s; see the worker's log"
                raise RuntimeError(message)
            time.sleep(0.005)
        return number, time.perf_counter()

    def _waiting(self, queue: str) -> int:
        """Count the messages of a queue that no worker has taken."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for step in PRIORITY_STEPS:
                pipeline.llen(f"{KEY_PREFIX}{queue}" + (f"{PRIORITY_SEPARATOR}{step}" if step else ""))
            return sum(pipeline.execute())

    def _open_jobs(self) -> int:
        with self._database.read() as session:
            is_open = (JobRow.name == Ping.name, JobRow.status != JobStatus.SUCCEEDED)
            return session.scalar(select(func.count()).select_from(JobRow).where(*is_open)) or 0
