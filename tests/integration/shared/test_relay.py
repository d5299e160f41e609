"""The healer."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.adapters.broker import Broker
from shared.config import Delivery
from shared.contracts import Ping, SendBulkEmail, SendEmail, SendSms
from shared.db import schema
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.errors import BrokerUnavailable, NotMigrated
from shared.models import JobRow, JobStatus, OutboxRow, utcnow
from shared.services import relay as relay_module
from shared.services.jobs import Jobs
from shared.services.relay import Healed, Relay
from tests.support.outgoing import Outgoing
from tests.support.redis import RedisServer
from tests.support.rows import Rows
from tests.support.waiting import at_once

NOTHING = Healed(published=0, recovered=0, resent=0)
AGES_AGO = timedelta(hours=1)


class Waiting:
    """What the broker says it holds; None where it does not answer."""

    def __init__(self) -> None:
        self.count: int | None = 0

    def __call__(self) -> int:
        """Count, or raise as the real one does."""
        if self.count is None:
            text = "The broker is down, as the test wants it."
            raise BrokerUnavailable(text)
        return self.count


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def relay(database: Database, waiting: Waiting) -> Relay:
    delivery = Delivery(max_attempts=3, relay_grace_seconds=30)
    return Relay(database, Jobs(database, delivery), delivery, waiting)


def left_behind(rows: Rows, outgoing: Outgoing, *, age: timedelta = AGES_AGO) -> UUID:
    """A job whose message the broker did not take."""
    outgoing.down = True
    with rows.database.write() as work:
        job_id = work.send(Ping())
    outgoing.down = False
    for row in rows.outbox():
        rows.change(OutboxRow, row.id, created_at=utcnow() - age, available_at=utcnow() - age)
    return job_id


def given(rows: Rows, age: timedelta = AGES_AGO) -> UUID:
    """A job whose message the broker has, or had."""
    return rows.job(queued_at=utcnow() - age)


def test_what_a_commit_left_behind_is_published(relay: Relay, rows: Rows, outgoing: Outgoing) -> None:
    job_id = left_behind(rows, outgoing)
    assert relay.run() == Healed(published=1, recovered=0, resent=0)
    assert [message.job_id for message in outgoing.sent] == [job_id]
    assert rows.outbox() == []


def test_more_than_a_batch_is_published_in_one_run(
    relay: Relay, rows: Rows, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 2)
    for _ in range(5):
        left_behind(rows, outgoing)
    assert relay.run().published == 5


def test_a_backlog_is_in_the_way_of_no_other_queue_and_bulk_mail_comes_last(
    relay: Relay, rows: Rows, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 2)
    outgoing.down = True
    with rows.database.write() as work:
        for kind in (SendBulkEmail, SendEmail, SendSms):
            for _ in range(5):
                work.send(kind(message_id=uuid4()))
    outgoing.down = False
    for row in rows.outbox():
        rows.change(OutboxRow, row.id, created_at=utcnow() - AGES_AGO, available_at=utcnow() - AGES_AGO)
    assert relay.run().published == 15
    first = [message.queue for message in outgoing.light[:6]]
    assert (first.count("email"), first.count("sms"), first[4:]) == (2, 2, ["bulk_email", "bulk_email"])


def test_when_its_time_is_up_the_next_run_goes_on(
    relay: Relay, rows: Rows, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 2)
    monkeypatch.setattr(relay_module, "SECONDS", 0)
    for _ in range(5):
        left_behind(rows, outgoing)
    assert [relay.run().published for _ in range(4)] == [2, 2, 1, 0]


def test_what_is_just_being_published_is_left_alone(relay: Relay, rows: Rows, outgoing: Outgoing) -> None:
    left_behind(rows, outgoing, age=timedelta(0))
    assert relay.run() == NOTHING


def test_what_is_not_due_yet_waits(relay: Relay, rows: Rows, outgoing: Outgoing) -> None:
    left_behind(rows, outgoing)
    [row] = rows.outbox()
    rows.change(OutboxRow, row.id, available_at=utcnow() + timedelta(minutes=10))
    assert relay.run() == NOTHING


def test_jobs_of_lost_workers_are_recovered_and_sent(relay: Relay, rows: Rows, outgoing: Outgoing) -> None:
    past = utcnow() - timedelta(seconds=1)
    job_id = rows.job(status=JobStatus.RUNNING, attempt=1, lease_until=past)
    assert relay.run().recovered == 1
    assert [message.job_id for message in outgoing.sent] == [job_id]


def test_what_the_broker_forgot_is_sent_again(relay: Relay, rows: Rows, outgoing: Outgoing, waiting: Waiting) -> None:
    jobs = {given(rows), given(rows)}
    waiting.count = 1
    assert relay.run().resent == 2
    assert {message.job_id for message in outgoing.sent} == jobs


def test_what_the_broker_still_holds_is_not_sent_again(
    relay: Relay, rows: Rows, outgoing: Outgoing, waiting: Waiting
) -> None:
    given(rows)
    lease_until = utcnow() + timedelta(minutes=1)
    rows.job(status=JobStatus.RUNNING, lease_until=lease_until, queued_at=utcnow() - 2 * AGES_AGO)
    waiting.count = 2
    assert relay.run() == NOTHING
    assert outgoing.sent == []


def test_a_job_that_a_later_one_overtook_is_sent_again(
    relay: Relay, rows: Rows, outgoing: Outgoing, waiting: Waiting
) -> None:
    lost, other_priority = given(rows), given(rows)
    rows.change(JobRow, other_priority, priority=9)
    later = given(rows, timedelta(minutes=5))
    rows.change(JobRow, later, status=JobStatus.RUNNING, lease_until=utcnow() + timedelta(minutes=1))
    waiting.count = 100
    assert relay.run().resent == 1
    assert [message.job_id for message in outgoing.sent] == [lost]


def test_within_the_grace_nothing_is_sent_again(relay: Relay, rows: Rows) -> None:
    given(rows, timedelta(seconds=10))
    assert relay.run() == NOTHING


def test_what_was_sent_again_gets_a_grace_of_its_own(relay: Relay, rows: Rows) -> None:
    given(rows)
    assert relay.run().resent == 1
    assert relay.run() == NOTHING


def test_running_beside_itself_sends_each_job_once(relay: Relay, rows: Rows, outgoing: Outgoing) -> None:
    jobs = [given(rows) for _ in range(4)]
    healed = at_once([relay.run] * 3)
    assert sum(run.resent for run in healed) == 4
    assert {message.job_id for message in outgoing.sent} == set(jobs)
    assert rows.outbox() == []


def test_with_the_broker_down_nothing_is_lost_and_nothing_raised(
    relay: Relay, rows: Rows, outgoing: Outgoing, waiting: Waiting
) -> None:
    left_behind(rows, outgoing)
    given(rows)
    outgoing.down, waiting.count = True, None
    assert relay.run() == NOTHING
    assert rows.count(OutboxRow) == 1
    outgoing.down, waiting.count = False, 0
    assert relay.run() == Healed(published=1, recovered=0, resent=1)


def test_jobs_of_lost_workers_at_their_cap_are_all_given_up(relay: Relay, rows: Rows) -> None:
    past = utcnow() - timedelta(seconds=1)
    for _ in range(3):
        rows.job(status=JobStatus.RUNNING, attempt=3, lease_until=past)
    assert relay.run().recovered == 3
    assert {row.status for row in rows.jobs()} == {JobStatus.FAILED}


def test_a_flushed_redis_loses_nothing(database_url: str, redis_server: RedisServer) -> None:
    broker = Broker(redis_server.url)
    database = Database(make_engine(database_url), broker.send)
    delivery = Delivery(relay_grace_seconds=30)
    relay = Relay(database, Jobs(database, delivery), delivery, broker.waiting)
    with database.write() as work:
        sent = [work.send(Ping()) for _ in range(3)]
    for job_id in sent:
        Rows(database).change(JobRow, job_id, queued_at=utcnow() - AGES_AGO)
    assert relay.run() == NOTHING
    redis_server.flush()
    assert relay.run().resent == 3
    assert broker.waiting() == 3
    broker.close()
    database.engine.dispose()


def test_before_the_first_migration_there_is_nothing_to_heal(
    unmigrated: Database, waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = Delivery()
    assert Relay(unmigrated, Jobs(unmigrated, delivery), delivery, waiting).run() == NOTHING
    assert [schema.CURE in record.message for record in caplog.records] == [True]


def test_tables_that_are_only_behind_are_an_outage(behind: Database, waiting: Waiting) -> None:
    delivery = Delivery()
    with pytest.raises(NotMigrated):
        Relay(behind, Jobs(behind, delivery), delivery, waiting).run()
