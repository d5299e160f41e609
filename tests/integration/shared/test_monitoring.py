"""What is going on, counted on both databases and a real Redis."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from shared import metrics
from shared.adapters.broker import Broker
from shared.adapters.doze import DozeNote
from shared.contracts import Ping, SendEmail
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.models import EventRow, JobStatus, OutboxRow, utcnow
from shared.services import dead_letters
from shared.services.census import Census
from shared.services.circuits import Circuits
from shared.services.doze import Doze
from shared.services.monitoring import Monitoring
from shared.values import MessageKind, MessageStatus
from tests.support.databases import SqliteDatabases
from tests.support.outgoing import Outgoing
from tests.support.redis import RedisServer
from tests.support.rows import Rows

AGO = timedelta(minutes=10)


@pytest.fixture
def monitoring(database: Database, broker: Broker) -> Monitoring:
    return Monitoring(database, broker.fleets, Circuits(database))


def mail() -> SendEmail:
    return SendEmail(message_id=uuid4())


def test_an_idle_stack_has_zeros(monitoring: Monitoring) -> None:
    stats = monitoring.stats()
    assert stats.fleets is not None
    assert {count.load for count in stats.fleets.values()} == {0}
    assert {(count.queued, count.running, count.oldest_seconds) for count in stats.light_lane.values()} == {(0, 0, 0)}
    assert (stats.outbox.messages, stats.outbox.events, stats.outbox.oldest_seconds) == (0, 0, 0)
    assert (dict(stats.dead_letters), dict(stats.messages_24h), list(stats.circuits)) == (
        {"light": 0, "heavy": 0},
        {},
        [],
    )


def test_open_jobs_are_counted_by_queue(monitoring: Monitoring, rows: Rows) -> None:
    rows.job(mail(), queued_at=utcnow() - AGO)
    rows.job(mail(), queued_at=utcnow() + AGO)
    rows.job(mail(), status=JobStatus.RUNNING, queued_at=utcnow() - 2 * AGO)
    rows.job(mail(), status=JobStatus.SUCCEEDED, finished_at=utcnow())
    rows.job(Ping())
    count = monitoring.stats().light_lane["email"]
    assert (count.queued, count.running) == (2, 1)
    assert 600 <= count.oldest_seconds < 660


def test_what_has_not_left_is_counted(monitoring: Monitoring, rows: Rows) -> None:
    job_id = rows.job(mail())
    with rows.database.write() as work:
        work.session.add(OutboxRow(job_id=job_id, available_at=utcnow() - AGO))
        work.session.add(OutboxRow(job_id=job_id, available_at=utcnow() + AGO))
    rows.event()
    rows.change(EventRow, rows.event(), published_at=None, occurred_at=utcnow() - 2 * AGO)
    outbox = monitoring.stats().outbox
    assert (outbox.messages, outbox.events) == (2, 1)
    assert 1200 <= outbox.oldest_seconds < 1260


def test_messages_of_the_last_day_are_counted(monitoring: Monitoring, rows: Rows) -> None:
    for status in (MessageStatus.SENT, MessageStatus.SENT, MessageStatus.FAILED):
        rows.message(status=status)
    rows.message(MessageKind.SMS)
    rows.message(created_at=utcnow() - timedelta(hours=25))
    assert monitoring.stats().messages_24h == {"email": {"sent": 2, "failed": 1}, "sms": {"queued": 1}}


def test_providers_are_told_before_receivers(monitoring: Monitoring, database: Database) -> None:
    circuits = Circuits(database)
    for name in ("provider:ses", "host:a.example:443", "provider:sns", "host:b.example:443"):
        circuits.failed(name, "no answer")
    told = [circuit.name.partition(":")[0] for circuit in monitoring.stats().circuits]
    assert told == ["provider", "provider", "host", "host"]


def test_without_redis_the_database_is_told_of(monitoring: Monitoring, rows: Rows, redis_server: RedisServer) -> None:
    rows.job(mail())
    redis_server.kill()
    stats = monitoring.stats()
    assert stats.fleets is None
    assert stats.light_lane["email"].queued == 1


def test_no_question_reads_a_whole_table(sqlite_databases: SqliteDatabases, broker: Broker) -> None:
    """Of tables that grow with what was done. SQLite says how it answers; PostgreSQL plans by how much there is."""
    asked: list[str] = []
    with sqlite_databases.migrated() as url:
        database = Database(make_engine(url), Outgoing())
        event.listen(database.engine, "before_cursor_execute", lambda _, __, question, *___: asked.append(question))
        Monitoring(database, broker.fleets, Circuits(database)).stats()
        plans = [step for question in asked if question.startswith("SELECT") for step in _plan(database, question)]
        database.close()
    for table in ("jobs", "messages", "events", "dead_letters"):
        of_table = [step for step in plans if f" {table}" in step]
        assert of_table
        assert all("INDEX" in step for step in of_table), of_table


def _plan(database: Database, question: str) -> list[str]:
    anything = tuple("" for _ in range(question.count("?")))
    with database.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", anything)]


def test_open_dead_letters_and_what_the_bus_does_not_take_reach_the_metrics(
    database: Database, rows: Rows, broker: Broker, redis_server: RedisServer
) -> None:
    census = Census(database, broker, Doze(database, DozeNote(redis_server.url), 0))
    job_id = rows.job(mail(), status=JobStatus.FAILED, error_code="x")
    with database.write() as work:
        dead_letters.enter_job(work.session, rows.get_job(job_id))
    rows.change(EventRow, rows.event(), published_at=None, occurred_at=utcnow() - AGO)
    [stack] = [reading.values for reading in census.take() if reading.fleet is None]
    assert stack[metrics.DEAD_LETTERS] == 1
    assert stack[metrics.OUTBOX_AGE_SECONDS] >= 600
    with database.connect() as connection:
        connection.execute(text("UPDATE dead_letters SET resolved_at = last_failed_at"))
        connection.commit()
    [stack] = [reading.values for reading in census.take() if reading.fleet is None]
    assert stack[metrics.DEAD_LETTERS] == 0
