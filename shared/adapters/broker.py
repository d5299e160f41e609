"""The Celery broker on Redis, as a producer and as an observer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.client import Pipeline
from redis.exceptions import RedisError

from shared.adapters.redis import SECONDS, asking
from shared.contracts import (
    ALIVE_SECONDS,
    ALL_FLEETS,
    DOZE_KEY,
    FLEETS,
    KEY_PREFIX,
    PRIORITY_STEPS,
    broker_priority,
    queues_of,
    unacked_key,
    workers_key,
)
from shared.db.unit_of_work import Message
from shared.errors import BrokerUnavailable

PRIORITY_SEPARATOR = "\x06\x16"


def _queue_keys(fleet: str) -> tuple[str, ...]:
    """Where the messages of a fleet's queues lie: a list a queue and priority."""
    return tuple(
        f"{KEY_PREFIX}{queue}" + (f"{PRIORITY_SEPARATOR}{step}" if step else "")
        for queue in queues_of(fleet)
        for step in PRIORITY_STEPS
    )


_QUEUE_KEYS = _queue_keys(ALL_FLEETS)
_UNACKED_KEYS = tuple(f"{KEY_PREFIX}{unacked_key(fleet)}" for fleet in (*FLEETS, ALL_FLEETS))


@dataclass(frozen=True, slots=True)
class FleetCount:
    """One fleet, at one moment.

    Attributes:
        backlog: messages that wait in its queues, whatever their priority.
        in_flight: messages that workers have taken from them and not yet acknowledged.
        workers_alive: workers that consume them and gave a sign of life within `ALIVE_SECONDS`.
    """

    backlog: int
    in_flight: int
    workers_alive: int

    @property
    def load(self) -> int:
        """What the fleet has to do."""
        return self.backlog + self.in_flight


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
        return self._count(_QUEUE_KEYS, Pipeline.llen)

    def under_way(self) -> int:
        """Count the messages that workers have taken and not yet acknowledged, those of lost workers included.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        return self._count(_UNACKED_KEYS, Pipeline.hlen)

    def fleets(self) -> Mapping[str, FleetCount]:
        """Count every fleet's messages and workers in one round trip.

        What a worker of `ALL_FLEETS` has taken counts for the fleet whose queue it came from, which would otherwise
        have it to do; and the worker for every fleet, as it consumes every queue.

        Raises:
            BrokerUnavailable: the broker did not answer.
        """
        with asking(self._redis_url) as redis, redis.pipeline(transaction=False) as pipeline:
            pipeline.hvals(f"{KEY_PREFIX}{unacked_key(ALL_FLEETS)}")
            _ask_for_workers(pipeline, ALL_FLEETS)
            for fleet in FLEETS:
                for key in _queue_keys(fleet):
                    pipeline.llen(key)
                pipeline.hlen(f"{KEY_PREFIX}{unacked_key(fleet)}")
                _ask_for_workers(pipeline, fleet)
            answers = iter(pipeline.execute())
        taken, everywhere = [_queue_of(entry) for entry in next(answers)], next(answers)
        return {
            fleet: FleetCount(
                backlog=sum(next(answers) for _ in _queue_keys(fleet)),
                in_flight=next(answers) + sum(queue in queues_of(fleet) for queue in taken),
                workers_alive=next(answers) + everywhere,
            )
            for fleet in FLEETS
        }

    def ping(self) -> None:
        """Ask for a sign of life.

        Raises:
            BrokerUnavailable: there was none within a second.
        """
        with asking(self._redis_url) as redis:
            redis.ping()

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
        with self._turn:
            # Pools belong to the URL, not to the app: closing that alone leaves a socket for the next app to find. They
            # are emptied and filled anew, unconnected, rather than closed: others may hold them.
            for pool in (self._celery.producer_pool, self._celery.pool):
                pool.force_close_all(close_pool=False)
                pool.setup()

    def _send(self, message: Message) -> None:
        countdown = (message.available_at - datetime.now(UTC)).total_seconds()
        with self._celery.producer_or_acquire() as producer:
            # Before the message and over its connection: a note that stayed would hide what becomes of it.
            producer.channel.client.delete(DOZE_KEY)
            self._celery.send_task(
                message.name,
                kwargs={"job_id": str(message.job_id), **message.payload},
                task_id=str(message.task_id),
                queue=message.queue,
                priority=broker_priority(message.priority),
                countdown=countdown if countdown > 0 else None,
                ignore_result=True,
                retry=False,
                producer=producer,
            )

    def _count(self, keys: Sequence[str], command: Callable[[Pipeline, str], Any]) -> int:
        with asking(self._redis_url) as redis, redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                command(pipeline, key)
            return sum(pipeline.execute())


def _ask_for_workers(pipeline: Pipeline, fleet: str) -> None:
    pipeline.zcount(f"{KEY_PREFIX}{workers_key(fleet)}", time.time() - ALIVE_SECONDS, "+inf")


def _queue_of(unacked: bytes) -> Any:
    """The queue that a message under way came from: kombu keeps `[message, exchange, routing key]`."""
    return json.loads(unacked)[2]


def _producer(redis_url: str) -> Celery:
    """A Celery app that only sends: one connection, short timeouts, no retries, no results."""
    # Without the one for Django, which imports Celery's worker; functions do not carry that.
    app = Celery("twolane-producer", broker=redis_url, set_as_current=False, fixups=())
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
