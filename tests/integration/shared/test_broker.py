"""The broker, as a producer and as an observer, on a real Redis."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from redis import Redis

from shared.adapters.broker import Broker
from shared.db.unit_of_work import Message
from shared.errors import BrokerUnavailable
from shared.models import utcnow
from tests.support.programs import free_port
from tests.support.redis import RedisServer
from tests.support.waiting import at_once

PATIENCE_SECONDS = 2.5
"""How long a request may hang on a broker that says nothing."""


@pytest.fixture
def silent_url() -> Iterator[str]:
    """The address of a listener that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def message(priority: int = 5, queue: str = "ocr", seconds: float = 0) -> Message:
    return Message(
        task_id=uuid4(),
        job_id=uuid4(),
        name="ocr.document",
        queue=queue,
        payload={"document_id": "d"},
        priority=priority,
        available_at=utcnow() + timedelta(seconds=seconds),
    )


def seconds_until_refused(broker: Broker) -> float:
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        broker.send(message())
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("priority", "key"),
    [
        (10, "{twolane}:ocr"),
        (9, "{twolane}:ocr\x06\x163"),
        (7, "{twolane}:ocr\x06\x163"),
        (5, "{twolane}:ocr\x06\x166"),
        (1, "{twolane}:ocr\x06\x169"),
    ],
)
def test_a_message_goes_to_the_key_of_its_priority(broker: Broker, redis: Redis, priority: int, key: str) -> None:
    broker.send(message(priority))
    assert redis.keys("{twolane}:ocr*") == [key.encode()]
    assert redis.llen(key) == 1


def test_a_message_is_json_with_the_ids_and_the_outbox_rows_id(broker: Broker, redis: Redis) -> None:
    sent = message(10)
    broker.send(sent)
    envelope = json.loads(redis.lindex("{twolane}:ocr", 0) or b"")
    assert envelope["headers"]["id"] == str(sent.task_id)
    assert envelope["headers"]["task"] == "ocr.document"
    assert envelope["headers"]["ignore_result"] is True
    assert envelope["headers"]["eta"] is None
    assert envelope["content-type"] == "application/json"
    assert str(sent.job_id) not in json.dumps(envelope["headers"]["id"])


def test_a_message_for_later_carries_its_time(broker: Broker, redis: Redis) -> None:
    broker.send(message(10, seconds=60))
    envelope = json.loads(redis.lindex("{twolane}:ocr", 0) or b"")
    assert envelope["headers"]["eta"] is not None


def test_what_waits_and_what_is_under_way_are_counted_apart(broker: Broker, redis: Redis) -> None:
    assert (broker.waiting(), broker.under_way()) == (0, 0)
    for priority in (10, 8, 5, 1):
        broker.send(message(priority))
    broker.send(message(queue="default"))
    for fleet in ("ocr", "default", "all"):
        redis.hset(f"{{twolane}}:unacked.{fleet}", "tag", "message")
    assert (broker.waiting(), broker.under_way()) == (5, 3)
    redis.flushall()
    assert (broker.waiting(), broker.under_way()) == (0, 0)


def test_a_dead_port_is_refused_at_once() -> None:
    broker = Broker(f"redis://127.0.0.1:{free_port()}/0")
    assert seconds_until_refused(broker) < PATIENCE_SECONDS
    for call in (broker.waiting, broker.ping, broker.workers):
        with pytest.raises(BrokerUnavailable):
            call()
    broker.close()


def test_a_silent_broker_is_given_up_soon(silent_url: str) -> None:
    broker = Broker(silent_url)
    assert seconds_until_refused(broker) < PATIENCE_SECONDS
    for call in (broker.waiting, broker.ping, broker.workers):
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            call()
        assert time.monotonic() - started < PATIENCE_SECONDS
    broker.close()


def test_many_who_send_to_a_silent_broker_do_not_wait_for_each_other(silent_url: str) -> None:
    broker = Broker(silent_url)
    seconds = at_once([lambda: seconds_until_refused(broker)] * 8)
    assert max(seconds) < 2 * PATIENCE_SECONDS
    broker.close()


def test_a_broker_that_was_killed_is_found_again(broker: Broker, redis_server: RedisServer) -> None:
    broker.send(message())
    for _ in range(3):
        redis_server.kill()
        seconds_until_refused(broker)
        seconds_until_refused(broker)
        redis_server.start()
        for _ in range(5):
            broker.send(message())
        assert broker.waiting() == 5


def test_a_broker_that_was_silent_is_found_again(broker: Broker, redis_server: RedisServer) -> None:
    broker.send(message())
    redis_server.pause()
    assert seconds_until_refused(broker) < PATIENCE_SECONDS
    redis_server.resume()
    before = broker.waiting()
    for _ in range(5):
        broker.send(message())
    assert broker.waiting() == before + 5


def test_a_broker_restarted_between_two_sends_loses_no_second_one(broker: Broker, redis_server: RedisServer) -> None:
    """The pooled connection is dead without anybody having noticed."""
    broker.send(message())
    redis_server.restart()
    try:
        broker.send(message())
    except BrokerUnavailable:
        broker.send(message())
    assert broker.waiting() == 1


def test_threads_may_share_a_broker(broker: Broker) -> None:
    at_once([lambda: broker.send(message())] * 8)
    assert broker.waiting() == 8


def test_workers_are_none_where_none_runs(broker: Broker) -> None:
    assert broker.workers() == []
