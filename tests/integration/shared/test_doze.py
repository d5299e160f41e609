"""An idle database is left alone, and only an idle one, on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import event

from shared import metrics
from shared.adapters.broker import Broker
from shared.adapters.doze import LOOKING_SECONDS, DozeNote
from shared.config import Delivery
from shared.contracts import Ping
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.models import JobRow, JobStatus, OutboxRow, utcnow
from shared.services.census import Census
from shared.services.doze import Doze, Idle
from shared.services.jobs import Jobs
from shared.services.relay import Relay
from tests.support.redis import RedisServer
from tests.support.rows import Rows
from tests.support.waiting import wait_until

NOTE = b"{twolane}:doze"
SECONDS = 600
IDLE = Idle(dead_letters=0)


def _note(touched: list[str], name: str, *_event: object) -> None:
    touched.append(name)


class Scheduled:
    """The two functions that run every minute, on one database and one Redis."""

    def __init__(self, database_url: str, redis: RedisServer, seconds: int = SECONDS) -> None:
        self.redis = redis
        self.broker = Broker(redis.url)
        self.database = Database(make_engine(database_url), self.broker.send)
        self.rows = Rows(self.database)
        self.note = DozeNote(redis.url)
        self.doze = Doze(self.database, self.note, seconds)
        delivery = Delivery(relay_grace_seconds=0, max_attempts=1)
        self.jobs = Jobs(self.database, delivery)
        self.relay = Relay(self.database, self.jobs, delivery, self.broker.waiting, self.doze)
        self.census = Census(self.database, self.broker, self.doze)

    def send(self) -> None:
        """Somebody asks for a job."""
        with self.database.write() as work:
            work.send(Ping())

    def finish_all(self) -> None:
        """Workers have done everything and acknowledged it."""
        for row in self.rows.jobs():
            self.rows.change(JobRow, row.id, status=JobStatus.SUCCEEDED, finished_at=utcnow())
        with self.redis.client() as redis:
            redis.delete(*redis.keys("{twolane}:default*"))

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Fail if the database is connected to, or asked anything over a connection that is kept, in the block."""
        touched: list[str] = []
        listeners = {name: partial(_note, touched, name) for name in ("connect", "checkout")}
        for name, listener in listeners.items():
            event.listen(self.database.engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners.items():
                event.remove(self.database.engine, name, listener)
        assert touched == []

    def close(self) -> None:
        """Let go."""
        self.broker.close()
        self.database.engine.dispose()


@pytest.fixture
def scheduled(database_url: str, redis_server: RedisServer) -> Iterator[Scheduled]:
    made = Scheduled(database_url, redis_server)
    yield made
    made.close()


def test_where_nothing_is_open_the_relay_leaves_a_note_and_nobody_asks_again(scheduled: Scheduled) -> None:
    scheduled.relay.run()
    assert scheduled.doze.idle() == IDLE
    with scheduled.left_alone():
        scheduled.relay.run()
        readings = scheduled.census.take()
    told = {reading.fleet: reading.values for reading in readings}
    assert told[None] == {metrics.OUTBOX_AGE_SECONDS: 0, metrics.DEAD_LETTERS: 0}
    assert told["ocr"][metrics.OLDEST_QUEUED_SECONDS] == 0


def test_a_bare_connection_is_no_way_to_leave_it_alone(scheduled: Scheduled) -> None:
    with pytest.raises(AssertionError, match="checkout"), scheduled.left_alone(), scheduled.database.engine.connect():
        pass


def test_the_note_tells_how_many_dead_letters_there_were(scheduled: Scheduled) -> None:
    claim = scheduled.jobs.claim(scheduled.rows.job())
    assert claim is not None
    scheduled.jobs.fail(claim, RuntimeError("no luck"))
    scheduled.relay.run()
    with scheduled.left_alone():
        readings = scheduled.census.take()
    assert {reading.fleet: reading.values for reading in readings}[None][metrics.DEAD_LETTERS] == 1


def test_a_message_sent_removes_the_note(scheduled: Scheduled) -> None:
    scheduled.relay.run()
    scheduled.send()
    assert scheduled.doze.idle() is None


def test_while_a_job_is_open_no_note_is_left(scheduled: Scheduled) -> None:
    scheduled.rows.job(status=JobStatus.RUNNING, lease_until=utcnow() + timedelta(minutes=1))
    scheduled.relay.run()
    assert scheduled.doze.idle() is None


def test_while_a_message_is_in_the_outbox_no_note_is_left(scheduled: Scheduled) -> None:
    scheduled.send()
    scheduled.finish_all()
    [job] = scheduled.rows.jobs()
    with scheduled.database.write() as work:
        work.session.add(OutboxRow(job_id=job.id, available_at=utcnow() + timedelta(minutes=10)))
    scheduled.relay.run()
    assert scheduled.doze.idle() is None


def test_a_note_is_left_where_nothing_was_sent_since_it_was_expected(scheduled: Scheduled) -> None:
    assert scheduled.note.leave(scheduled.note.expect(), "asleep", SECONDS)
    assert scheduled.note.read() == "asleep"


def test_a_message_sent_while_somebody_looks_wins(scheduled: Scheduled) -> None:
    expected = scheduled.note.expect()
    scheduled.send()
    assert not scheduled.note.leave(expected, "asleep", SECONDS)
    assert scheduled.note.read() is None


def test_a_message_sent_while_two_look_wins_over_the_first_of_them(scheduled: Scheduled) -> None:
    first = scheduled.note.expect()
    scheduled.send()
    second = scheduled.note.expect()
    assert not scheduled.note.leave(first, "asleep", SECONDS)
    assert scheduled.note.read() is None
    assert scheduled.note.leave(second, "asleep", SECONDS)


def test_a_note_that_is_only_expected_is_none_and_not_for_long(scheduled: Scheduled) -> None:
    scheduled.note.expect()
    assert scheduled.doze.idle() is None
    with scheduled.redis.client() as redis:
        assert 0 < redis.ttl(NOTE) <= LOOKING_SECONDS


@pytest.mark.parametrize("note", ["{}", "not even JSON"])
def test_a_note_of_another_version_is_none(scheduled: Scheduled, note: str) -> None:
    scheduled.note.leave(scheduled.note.expect(), note, SECONDS)
    assert scheduled.doze.idle() is None


def test_a_flush_removes_the_note(scheduled: Scheduled) -> None:
    scheduled.relay.run()
    scheduled.redis.flush()
    assert scheduled.doze.idle() is None


def test_the_note_stands_for_as_long_as_asked_for(scheduled: Scheduled) -> None:
    scheduled.relay.run()
    with scheduled.redis.client() as redis:
        assert redis.ttl(NOTE) == pytest.approx(SECONDS, abs=5)


def test_work_left_while_the_broker_was_away_is_found_when_the_note_s_time_is_up(
    database_url: str, redis_server: RedisServer
) -> None:
    scheduled = Scheduled(database_url, redis_server, seconds=3)
    scheduled.relay.run()
    redis_server.pause()
    scheduled.send()
    redis_server.resume()
    [row] = scheduled.rows.outbox()
    scheduled.rows.change(OutboxRow, row.id, created_at=utcnow() - timedelta(minutes=1))
    assert scheduled.doze.idle() == IDLE
    assert scheduled.relay.run().published == 0
    wait_until(lambda: scheduled.doze.idle() is None, 5, "the end of the note")
    assert scheduled.relay.run().published == 1
    scheduled.close()


def test_with_the_broker_away_the_database_is_looked_at(scheduled: Scheduled) -> None:
    scheduled.relay.run()
    scheduled.redis.kill()
    assert scheduled.doze.idle() is None
    scheduled.relay.run()


def test_messages_under_way_are_reason_enough_to_look(scheduled: Scheduled) -> None:
    scheduled.relay.run()
    scheduled.rows.job(created_at=utcnow() - timedelta(minutes=5))
    with scheduled.redis.client() as redis:
        redis.hset("{twolane}:unacked.default", "tag", "taken")
    told = {reading.fleet: reading.values for reading in scheduled.census.take()}
    assert told["default"][metrics.OLDEST_QUEUED_SECONDS] == pytest.approx(300, abs=5)


def test_it_is_off_unless_asked_for(database_url: str, redis_server: RedisServer) -> None:
    scheduled = Scheduled(database_url, redis_server, seconds=0)
    scheduled.relay.run()
    with redis_server.client() as redis:
        assert redis.keys("*") == []
    scheduled.close()
