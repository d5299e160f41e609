"""The Celery broker on Redis, as a producer and as an observer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from shared.contracts import (
    ALL_FLEETS,
    FLEETS,
    KEY_PREFIX,
    PRIORITY_STEPS,
    broker_priority,
    queues_of,
    unacked_key,
)
from shared.db.unit_of_work import Message
from shared.errors import BrokerUnavailable

SECONDS = 1.0
"""Connect and socket timeout of a producer: the defaults hang for over 40 s on a silent broker."""

PRIORITY_SEPARATOR = "\x06\x16"


_QUEUE_KEYS = tuple(
    f"{KEY_PREFIX}{queue}" + (f"{PRIORITY_SEPARATOR}{step}" if step else "")
    for queue in queues_of(ALL_FLEETS)
    for step in PRIORITY_STEPS
)
_UNACKED_KEYS = tuple(f"{KEY_PREFIX}{unacked_key(fleet)}" for fleet in (*FLEETS, ALL_FLEETS))


class Broker:
    """Sends jobs, and counts what lies in the queues. Connects when first used.

    Args:
        redis_url: `redis://` or `rediss://...?ssl_cert_reqs=required`.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._celery = _producer(redis_url)
        self._turn = Lock()
        self._failed_at = 0.0

    def send(self, message: Message) -> None:
        """Hand one message over; its `available_at` becomes a countdown.

        Raises:
            BrokerUnavailable: the broker did not take it within about two seconds, however many threads send.
        """
        asked_at = time.monotonic()
        with self._turn:
            # There is one connection. Who waited for it while another failed need not find out for themselves.
            if self._failed_at > asked_at:
                text = f"The broker did not take {message.name}: it just failed to take another message."
                raise BrokerUnavailable(text)
            try:
                self._send(message)
            except (OperationalError, RedisError, OSError) as error:
                self._failed_at = time.monotonic()
                text = f"The broker did not take {message.name}: {error}"
                raise BrokerUnavailable(text) from error

    def waiting(self) -> int:
        """Count the messages in the queues, all priorities, which no worker has taken yet.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        return self._count(_QUEUE_KEYS, "llen")

    def under_way(self) -> int:
        """Count the messages that workers have taken and not yet acknowledged, those of lost workers included.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        return self._count(_UNACKED_KEYS, "hlen")

    def ping(self) -> None:
        """Ask for a sign of life.

        Raises:
            BrokerUnavailable: there was none within a second.
        """
        try:
            with self._redis() as redis:
                redis.ping()
        except RedisError as error:
            message = f"The broker does not answer: {error}"
            raise BrokerUnavailable(message) from error

    def workers(self) -> list[str]:
        """Name the workers that answer within a second.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        try:
            # A connection of its own for the replies: the question needs the only one of the pool.
            with self._celery.connection_for_read() as connection:
                replies = self._celery.control.ping(timeout=SECONDS, connection=connection)
        except (OperationalError, RedisError, OSError) as error:
            message = f"The broker does not answer: {error}"
            raise BrokerUnavailable(message) from error
        return sorted(name for reply in replies for name in reply)

    def close(self) -> None:
        """Close what is open; the next call opens it again."""
        self._celery.close()

    def _send(self, message: Message) -> None:
        countdown = (message.available_at - datetime.now(UTC)).total_seconds()
        self._celery.send_task(
            message.name,
            kwargs={"job_id": str(message.job_id), **message.payload},
            task_id=str(message.task_id),
            queue=message.queue,
            priority=broker_priority(message.priority),
            countdown=countdown if countdown > 0 else None,
            ignore_result=True,
            retry=False,
        )

    def _count(self, keys: Sequence[str], command: str) -> int:
        try:
            with self._redis() as redis, redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.execute_command(command, key)
                return sum(pipeline.execute())
        except RedisError as error:
            message = f"The broker does not answer: {error}"
            raise BrokerUnavailable(message) from error

    def _redis(self) -> Redis:
        return Redis.from_url(self._redis_url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)


def _producer(redis_url: str) -> Celery:
    """A Celery app that only sends: one connection, short timeouts, no retries, no results."""
    app = Celery("twolane-producer", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
        broker_pool_limit=1,
        broker_connection_timeout=SECONDS,
        broker_transport_options={
            "global_keyprefix": KEY_PREFIX,
            "priority_steps": list(PRIORITY_STEPS),
            "sep": PRIORITY_SEPARATOR,
            "queue_order_strategy": "priority",
            "socket_timeout": SECONDS,
            "socket_connect_timeout": SECONDS,
            "retry_on_timeout": False,
            "max_retries": 0,
        },
    )
    return app
