"""Commit first, publish after."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import SQLAlchemyError

from shared.contracts import OcrDocument, Ping
from shared.db import schema
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database, Message
from shared.errors import BrokerUnavailable, DatabaseUnavailable, NotMigrated
from shared.models import JobRow, OutboxRow, utcnow
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once


def send(database: Database, key: str | None = None) -> UUID:
    with database.write() as work:
        return work.send(Ping(), key=key)


def test_a_message_leaves_after_its_job_can_be_seen_by_others(database: Database, database_url: str) -> None:
    seen: list[JobRow | None] = []

    def look(message: Message) -> None:
        other = Database(make_engine(database_url), lambda _: None)
        with other.read() as session:
            seen.append(session.get(JobRow, message.job_id))
        other.engine.dispose()

    job_id = send(Database(database.engine, look))
    assert [row.id for row in seen if row] == [job_id]


def test_a_message_says_what_the_job_is(database: Database, outgoing: Outgoing, rows: Rows) -> None:
    document = rows.document()
    with database.write() as work:
        job_id = work.send(OcrDocument(document_id=document.id), document_id=document.id, priority=8)
    [message] = outgoing.sent
    assert (message.job_id, message.name, message.queue, message.priority) == (job_id, "ocr.document", "ocr", 8)
    assert message.payload == {"document_id": str(document.id)}
    assert message.task_id != job_id


def test_what_is_published_leaves_the_outbox(database: Database, rows: Rows) -> None:
    send(database)
    assert rows.outbox() == []


def test_an_exception_rolls_back_and_publishes_nothing(database: Database, outgoing: Outgoing, rows: Rows) -> None:
    def fail_late() -> None:
        with database.write() as work:
            work.send(Ping())
            raise KeyError

    with pytest.raises(KeyError):
        fail_late()
    assert (rows.jobs(), rows.outbox(), outgoing.sent) == ([], [], [])


def test_a_broker_that_is_down_leaves_the_outbox_row(database: Database, outgoing: Outgoing, rows: Rows) -> None:
    outgoing.down = True
    job_id = send(database)
    assert [row.job_id for row in rows.outbox()] == [job_id]


def test_after_the_first_refusal_no_other_message_is_tried(database: Database, outgoing: Outgoing, rows: Rows) -> None:
    outgoing.down = True
    with database.write() as work:
        for _ in range(3):
            work.send(Ping())
    assert (outgoing.calls, rows.count(OutboxRow)) == (1, 3)


def test_messages_taken_before_a_refusal_leave_the_outbox(database: Database, rows: Rows) -> None:
    taken: list[Message] = []

    def take_two(message: Message) -> None:
        if len(taken) == 2:
            text = "no more"
            raise BrokerUnavailable(text)
        taken.append(message)

    with Database(database.engine, take_two).write() as work:
        for _ in range(3):
            work.send(Ping())
    assert rows.count(OutboxRow) == 1
    assert {row.id for row in rows.outbox()}.isdisjoint(message.task_id for message in taken)


@pytest.mark.parametrize(("minutes", "published"), [(4, 1), (6, 0)])
def test_only_what_is_due_within_five_minutes_is_published(
    database: Database, outgoing: Outgoing, rows: Rows, minutes: int, published: int
) -> None:
    with database.write() as work:
        row = work.session.get_one(JobRow, work.send(Ping()))
        work.messages.clear()
        work.resend(row, utcnow() + timedelta(minutes=minutes))
    assert len(outgoing.sent) == published
    assert rows.count(OutboxRow) == 2 - published


def test_the_same_key_twice_makes_one_job_and_one_message(database: Database, outgoing: Outgoing, rows: Rows) -> None:
    assert send(database, "effect") == send(database, "effect")
    assert (len(rows.jobs()), len(outgoing.sent)) == (1, 1)


def test_the_same_key_twice_in_one_transaction_makes_one_job(database: Database, rows: Rows) -> None:
    with database.write() as work:
        assert work.send(Ping(), key="effect") == work.send(Ping(), key="effect")
    assert len(rows.jobs()) == 1


def test_the_same_key_at_the_same_moment_makes_one_job(database: Database, outgoing: Outgoing, rows: Rows) -> None:
    ids = at_once([lambda: send(database, "effect")] * 6)
    assert len(set(ids)) == 1
    assert (len(rows.jobs()), len(outgoing.sent)) == (1, 1)


def test_jobs_without_a_key_are_as_many_as_were_sent(database: Database, rows: Rows) -> None:
    send(database)
    send(database)
    assert len(rows.jobs()) == 2


@pytest.mark.parametrize("dead", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:////nowhere/at/all.sqlite"])
def test_a_database_that_does_not_answer_is_our_error(dead: str) -> None:
    unreachable = Database(make_engine(dead), lambda _: None)
    with pytest.raises(DatabaseUnavailable), unreachable.read() as session:
        session.execute(text("SELECT 1"))


def test_a_database_without_tables_is_our_error_and_names_the_cure(unmigrated: Database) -> None:
    with pytest.raises(NotMigrated, match=re.escape(f"The database is behind on migrations: {schema.CURE}.")):
        send(unmigrated)
    with pytest.raises(NotMigrated), unmigrated.read() as session:
        session.scalars(select(JobRow)).all()
    with pytest.raises(NotMigrated), unmigrated.connect() as connection:
        connection.execute(delete(OutboxRow))
    with pytest.raises(NotMigrated):
        unmigrated.prepare(delete(OutboxRow))()


def test_a_table_that_lacks_a_column_is_our_error(behind: Database) -> None:
    with pytest.raises(NotMigrated), behind.read() as session:
        session.scalars(select(OutboxRow)).all()
    with pytest.raises(NotMigrated):
        send(behind)


def test_a_fault_of_ours_in_a_statement_is_not_taken_for_a_missing_migration(database: Database) -> None:
    with pytest.raises((SQLAlchemyError, DatabaseUnavailable)) as caught, database.read() as session:
        session.execute(text("SELECT FROM WHERE"))
    assert not isinstance(caught.value, NotMigrated)


def test_an_exhausted_pool_is_our_error(database_url: str) -> None:
    engine = make_engine(database_url).execution_options()
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]  # noqa: SLF001  # thirty seconds are too long for a test
    limited = Database(engine, lambda _: None)
    held = [engine.connect() for _ in range(engine.pool.size() + engine.pool._max_overflow)]  # type: ignore[attr-defined]  # noqa: SLF001  # likewise
    with pytest.raises(DatabaseUnavailable), limited.read() as session:
        session.execute(text("SELECT 1"))
    for connection in held:
        connection.close()
    engine.dispose()


def test_a_database_that_dies_after_the_commit_does_not_undo_the_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, rows: Rows
) -> None:
    def gone() -> None:
        text = "gone"
        raise DatabaseUnavailable(text)

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(database, "connect", gone)
        send(database)
    assert rows.count(OutboxRow) == 1
    assert "gone" in caplog.text


def test_two_writers_wait_for_each_other(database: Database, rows: Rows) -> None:
    at_once([lambda: send(database)] * 8)
    assert len(rows.jobs()) == 8
