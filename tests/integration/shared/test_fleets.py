"""What a fleet has to do and who does it, counted on a real Redis and in a real worker."""

from __future__ import annotations

import json
import time
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from shared.adapters.broker import Broker, FleetCount
from shared.contracts import FLEETS
from shared.db.unit_of_work import Message
from shared.errors import BrokerUnavailable
from shared.models import utcnow
from tests.support import documents
from tests.support.databases import SqliteDatabases
from tests.support.engine_scripts import EngineScript
from tests.support.lanes import Lanes
from tests.support.redis import RedisServer
from tests.support.waiting import wait_until

NOTHING = FleetCount(backlog=0, in_flight=0, workers_alive=0)


def send(broker: Broker, queue: str, *priorities: int) -> None:
    """Send messages of these priorities, on the API's scale."""
    for priority in priorities:
        broker.send(Message(uuid4(), uuid4(), "any", queue, {}, priority, utcnow()))


def take(redis: Redis, fleet: str, *queues: str) -> None:
    """Put messages of these queues under way, as kombu notes them for a worker of a fleet."""
    for queue in queues:
        redis.hset(f"{{twolane}}:unacked.{fleet}", uuid4().hex, json.dumps([{"body": ""}, queue, queue]))


def sign(redis: Redis, fleet: str, *seconds_ago: float) -> None:
    """Signs of life of workers of a fleet."""
    for age in seconds_ago:
        redis.zadd(f"{{twolane}}:workers.{fleet}", {uuid4().hex: time.time() - age})


def test_there_is_a_count_for_every_fleet(broker: Broker) -> None:
    assert broker.fleets() == dict.fromkeys(FLEETS, NOTHING)


def test_all_four_priorities_are_backlog(broker: Broker) -> None:
    send(broker, "ocr", 10, 8, 5, 1, 1)
    send(broker, "default", 5)
    assert {fleet: count.backlog for fleet, count in broker.fleets().items()} == {"ocr": 5, "reports": 0, "default": 1}


def test_what_a_fleet_has_taken_is_in_flight_and_load(broker: Broker, redis: Redis) -> None:
    send(broker, "ocr", 5)
    take(redis, "ocr", "ocr", "ocr")
    assert broker.fleets()["ocr"] == FleetCount(backlog=1, in_flight=2, workers_alive=0)
    assert broker.fleets()["ocr"].load == 3
    assert broker.fleets()["default"] == NOTHING


def test_what_a_worker_of_all_queues_has_taken_counts_where_it_came_from(broker: Broker, redis: Redis) -> None:
    take(redis, "all", "ocr", "ocr", "default")
    take(redis, "ocr", "ocr")
    assert {fleet: count.in_flight for fleet, count in broker.fleets().items()} == {
        "ocr": 3,
        "reports": 0,
        "default": 1,
    }


def test_workers_count_for_a_minute_and_those_of_all_queues_for_every_fleet(broker: Broker, redis: Redis) -> None:
    sign(redis, "ocr", 1, 50, 70)
    sign(redis, "all", 5, 600)
    alive = {fleet: count.workers_alive for fleet, count in broker.fleets().items()}
    assert alive == {"ocr": 3, "reports": 1, "default": 1}


def test_a_broker_that_is_away_is_no_zero(redis_server: RedisServer, broker: Broker) -> None:
    redis_server.pause()
    with pytest.raises(BrokerUnavailable):
        broker.fleets()
    redis_server.kill()
    with pytest.raises(BrokerUnavailable):
        broker.fleets()


@pytest.mark.parametrize("fleet", ["ocr", "all"])
def test_the_job_a_real_worker_does_is_in_flight_until_it_is_done(
    fleet: str, tmp_path: Path, sqlite_databases: SqliteDatabases
) -> None:
    with sqlite_databases.migrated() as url, Lanes(tmp_path, url) as lanes:
        stuck = EngineScript(tmp_path, documents.HANG_ON_FIRST_CALL)
        document_id = lanes.submit(("note.png", documents.png("In hand"))).json()["id"]
        lanes.submit(("next.png", documents.png("In the queue")))
        assert lanes.broker.fleets()["ocr"] == FleetCount(backlog=2, in_flight=0, workers_alive=0)
        patience = {"PAGE_TIMEOUT_SECONDS": "4", "MAX_ATTEMPTS": "1"}
        lanes.start_worker(WORKER_FLEET=fleet, TESSERACT_CMD=str(stuck.path), **patience)
        wait_until(lambda: stuck.calls == 1 and lanes.broker.fleets()["ocr"].workers_alive, 30, "a busy worker")
        count = lanes.broker.fleets()["ocr"]
        assert (count.load, count.in_flight > 0, count.workers_alive) == (2, True, 1)
        assert lanes.broker.fleets()["reports"].workers_alive == (fleet == "all")
        lanes.wait(document_id)
        wait_until(lambda: lanes.broker.fleets()["ocr"].load == 0, 30, "an idle fleet")
