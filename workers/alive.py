"""Signs of life, given where they mean "consuming": in the loop that takes messages, and only while that turns.

The loop of a worker that lost its broker, or that hangs, gives none. Every `SIGN_OF_LIFE_SECONDS` one goes into Redis,
where `publish_metrics` counts those that are not older than `ALIVE_SECONDS`, and then to the file
`WORKER_ALIVE_FILE`, whose age the health check of a container looks at. The file's time moves only after Redis took
the sign, so an old file means: no broker, or no loop. A worker that ends its last jobs consumes no more: it is taken
out of Redis at once, and only its file goes on.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any, ClassVar

from celery import bootsteps

from shared.adapters.redis import asking
from shared.config import Worker
from shared.contracts import ALIVE_SECONDS, KEY_PREFIX, SIGN_OF_LIFE_SECONDS, workers_key
from shared.errors import BrokerUnavailable

log = logging.getLogger(__name__)


class SignsOfLife(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery publishes no types
    """A step of Celery's consumer; its timer belongs to the loop of one connection and ends with it."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    interval_seconds: ClassVar[float] = SIGN_OF_LIFE_SECONDS

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        settings = Worker()
        self._key = KEY_PREFIX + workers_key(settings.worker_fleet)
        self._file = settings.worker_alive_file
        self._redis_url: str = consumer.app.conf.broker_url
        # One machine may run several workers under one name.
        self._member = f"{consumer.hostname}/{os.getpid()}"
        self._timers: list[Any] = []
        self._ending = False

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Give the first sign with the loop's first turn, and go on while it turns."""
        self._timers = [hub.call_later(0, self._give), hub.call_repeatedly(self.interval_seconds, self._give)]

    def stop(self, _consumer: Any) -> None:
        """Give no more: the connection is lost, or the worker ends."""
        for timer in self._timers:
            timer.cancel()

    def end_consuming(self) -> None:
        """Count no more: the worker only ends its jobs. The file goes on telling that its loop turns."""
        self._ending = True
        self._give()

    def _give(self) -> None:
        say = take_sign_back if self._ending else give_sign
        try:
            say(self._redis_url, self._key, self._member)
            if self._file is not None:
                self._file.touch()
        except BrokerUnavailable as error:
            log.warning("no sign of life was given: %s", error)
        except OSError as error:
            log.warning("the file of WORKER_ALIVE_FILE can't be written: %s", error)


def give_sign(redis_url: str, key: str, member: str) -> None:
    """Note the time of a worker's sign of life, and forget workers that gave none for long.

    Raises:
        BrokerUnavailable: Redis did not take it within a second.
    """
    now = time.time()
    with asking(redis_url) as redis, redis.pipeline(transaction=False) as pipeline:
        pipeline.zadd(key, {member: now})
        pipeline.zremrangebyscore(key, "-inf", now - ALIVE_SECONDS)
        pipeline.expire(key, ALIVE_SECONDS)
        pipeline.execute()


def take_sign_back(redis_url: str, key: str, member: str) -> None:
    """Have a worker counted no more.

    Raises:
        BrokerUnavailable: Redis did not answer within a second.
    """
    with asking(redis_url) as redis:
        redis.zrem(key, member)
