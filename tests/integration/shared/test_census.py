"""The counts of every minute, on both databases and a real Redis."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from shared import metrics
from shared.adapters.broker import Broker
from shared.adapters.doze import DozeNote
from shared.contracts import FLEETS, OcrDocument, Ping
from shared.db import schema
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.metrics import Metric
from shared.models import JobRow, JobStatus, OutboxRow, utcnow
from shared.services.census import Census
from shared.services.doze import Doze
from tests.support.lanes import Lanes
from tests.support.outgoing import Outgoing
from tests.support.programs import free_port
from tests.support.redis import RedisServer
from tests.support.rows import Rows

OF_BROKER = {metrics.BACKLOG, metrics.IN_FLIGHT, metrics.LOAD, metrics.WORKERS_ALIVE, metrics.UNATTENDED_LOAD}
OF_FLEETS = {*OF_BROKER, metrics.OLDEST_QUEUED_SECONDS}
OF_STACK = {metrics.OUTBOX_AGE_SECONDS, metrics.DEAD_LETTERS}
Taken = dict[str | None, dict[Metric, float]]


def told(database: Database, broker: Broker) -> Taken:
    """What is told now, by fleet; None is the stack."""
    never = Doze(database, DozeNote("redis://127.0.0.1:1/0"), seconds=0)
    return {reading.fleet: dict(reading.values) for reading in Census(database, broker, never).take()}


def unreachable() -> Database:
    """A database that answers to nobody."""
    engine = make_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    return Database(engine, Outgoing())


def ago(**age: float) -> dict[str, Any]:
    """Columns of a job that was made and queued so long ago."""
    then = utcnow() - timedelta(**age)
    return {"created_at": then, "queued_at": then}


def test_an_empty_stack_tells_everything_and_all_of_it_is_zero(database: Database, broker: Broker) -> None:
    found = told(database, broker)
    assert set(found) == {*FLEETS, None}
    assert all(set(found[fleet]) == OF_FLEETS for fleet in FLEETS)
    assert set(found[None]) == OF_STACK
    assert {value for values in found.values() for value in values.values()} == {0}


def test_load_is_what_waits_and_what_is_in_flight(
    database: Database, broker: Broker, redis_server: RedisServer, rows: Rows
) -> None:
    with database.write() as work:
        for _ in range(3):
            work.send(Ping())
    for row in rows.jobs():
        broker.send(Lanes.message_for(row))
    with redis_server.client() as redis:
        redis.hset("{twolane}:unacked.default", "tag", "taken")
    found = told(database, broker)["default"]
    assert (found[metrics.BACKLOG], found[metrics.IN_FLIGHT], found[metrics.LOAD]) == (3, 1, 4)


def test_load_is_unattended_until_a_worker_is_alive(
    database: Database, broker: Broker, redis_server: RedisServer
) -> None:
    with redis_server.client() as redis:
        redis.hset("{twolane}:unacked.default", "tag", "left by a worker that is gone")
        assert told(database, broker)["default"][metrics.UNATTENDED_LOAD] == 1
        redis.zadd("{twolane}:workers.default", {"worker": time.time()})
    found = told(database, broker)["default"]
    assert (found[metrics.LOAD], found[metrics.WORKERS_ALIVE], found[metrics.UNATTENDED_LOAD]) == (1, 1, 0)


def test_the_oldest_job_that_could_run_gives_its_fleet_its_age(database: Database, broker: Broker, rows: Rows) -> None:
    document = rows.document().id
    rows.job(OcrDocument(document_id=document), **ago(seconds=100))
    rows.job(OcrDocument(document_id=document), **ago(seconds=50))
    running = rows.job(OcrDocument(document_id=document), **ago(hours=1))
    rows.change(JobRow, running, status=JobStatus.RUNNING, lease_until=utcnow())
    done = rows.job(OcrDocument(document_id=document), **ago(hours=1))
    rows.change(JobRow, done, status=JobStatus.SUCCEEDED, finished_at=utcnow())
    rows.job(Ping(), queued_at=utcnow() + timedelta(minutes=4), attempt=1)
    found = told(database, broker)
    assert found["ocr"][metrics.OLDEST_QUEUED_SECONDS] == pytest.approx(100, abs=5)
    assert found["default"][metrics.OLDEST_QUEUED_SECONDS] == 0


def test_a_job_whose_message_was_sent_again_is_no_younger_but_one_that_failed_waits_anew(
    database: Database, broker: Broker, rows: Rows
) -> None:
    hour = utcnow() - timedelta(hours=1)
    rows.job(Ping(), created_at=hour, queued_at=utcnow())
    rows.job(OcrDocument(document_id=rows.document().id), created_at=hour, queued_at=utcnow(), attempt=1)
    found = told(database, broker)
    assert found["default"][metrics.OLDEST_QUEUED_SECONDS] == pytest.approx(3600, abs=5)
    assert found["ocr"][metrics.OLDEST_QUEUED_SECONDS] < 5


def test_the_outbox_is_as_old_as_its_oldest_message_that_is_due(
    database: Database, broker: Broker, rows: Rows, outgoing: Outgoing
) -> None:
    outgoing.down = True
    with database.write() as work:
        work.send(Ping())
        work.send(Ping())
    late, later = rows.outbox()
    rows.change(OutboxRow, late.id, available_at=utcnow() - timedelta(seconds=200))
    rows.change(OutboxRow, later.id, available_at=utcnow() + timedelta(seconds=200))
    assert told(database, broker)[None][metrics.OUTBOX_AGE_SECONDS] == pytest.approx(200, abs=5)
    rows.change(OutboxRow, late.id, available_at=utcnow() + timedelta(seconds=200))
    assert told(database, broker)[None][metrics.OUTBOX_AGE_SECONDS] == 0


def test_with_the_broker_away_the_database_still_tells_and_nothing_is_zero_for_it(
    database: Database, broker: Broker, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.kill()
    found = told(database, broker)
    assert {fleet: set(values) for fleet, values in found.items() if fleet} == {
        fleet: {metrics.OLDEST_QUEUED_SECONDS} for fleet in FLEETS
    }
    assert set(found[None]) == OF_STACK
    assert "load and workers are not told: The broker does not answer" in caplog.text


def test_with_the_database_away_the_broker_still_tells(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    found = told(unreachable(), broker)
    assert {fleet: set(values) for fleet, values in found.items()} == dict.fromkeys(FLEETS, OF_BROKER)
    assert "waiting times and dead letters are not told: The database does not answer" in caplog.text


def test_before_the_first_migration_nothing_waits_and_the_broker_still_tells(
    unmigrated: Database, broker: Broker, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.hset("{twolane}:unacked.ocr", "tag", "taken")
    found = told(unmigrated, broker)
    assert found["ocr"][metrics.LOAD] == 1
    assert [found[fleet][metrics.OLDEST_QUEUED_SECONDS] for fleet in FLEETS] == [0] * len(FLEETS)
    assert found[None] == {metrics.OUTBOX_AGE_SECONDS: 0, metrics.DEAD_LETTERS: 0}
    assert caplog.text.count(schema.CURE) == 1


def test_of_tables_that_are_only_behind_nothing_is_told(
    behind: Database, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    found = told(behind, broker)
    assert {fleet: set(values) for fleet, values in found.items()} == dict.fromkeys(FLEETS, OF_BROKER)
    assert "waiting times and dead letters are not told: The database is behind on migrations" in caplog.text


def test_with_both_away_nothing_is_told(broker: Broker, redis_server: RedisServer) -> None:
    redis_server.kill()
    assert told(unreachable(), broker) == {}
