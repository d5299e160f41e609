"""Statements that go the short way to the driver mean what they mean through SQLAlchemy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, update

from shared.contracts import Ping
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.errors import DatabaseUnavailable
from shared.models import JobRow, JobStatus
from tests.support.rows import Rows

FINISH = (
    update(JobRow)
    .where(JobRow.id == bindparam("job"))
    .values(attempt=JobRow.attempt + 1, lease_token=bindparam("token"), finished_at=bindparam("now"))
)


def send(database: Database) -> None:
    with database.write() as work:
        work.send(Ping())


def test_values_arrive_as_their_columns_store_them(database: Database, rows: Rows) -> None:
    send(database)
    (job,), token = rows.jobs(), uuid4()
    now = datetime(2025, 11, 20, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert database.prepare(FINISH)(job=job.id, token=token, now=now) == 1
    (job,) = rows.jobs()
    assert (job.attempt, job.lease_token, job.finished_at) == (1, token, now.astimezone(UTC))


def test_the_answer_is_the_number_of_rows_or_what_returning_gives(database: Database, rows: Rows) -> None:
    send(database)
    (job,) = rows.jobs()
    count, give = database.prepare(FINISH), database.prepare(FINISH.returning(JobRow.attempt))
    values = {"token": None, "now": None}
    assert [give(job=job.id, **values) for _ in range(2)] == [1, 2]
    assert [run(job=uuid4(), **values) for run in (count, give)] == [0, 0]


def test_each_run_is_committed_and_visible_to_others(database: Database, rows: Rows) -> None:
    send(database)
    (job,) = rows.jobs()
    close = update(JobRow).where(JobRow.id == bindparam("job")).values(status=JobStatus.SUCCEEDED)
    database.prepare(close)(job=job.id)
    assert [row.status for row in rows.jobs()] == [JobStatus.SUCCEEDED]


@pytest.mark.parametrize(
    "url", ["sqlite:////missing/directory/twolane.db", "postgresql+psycopg://nobody@127.0.0.1:1/nothing"]
)
def test_a_database_that_is_away_is_one_that_does_not_answer(url: str) -> None:
    away = Database(make_engine(url), lambda _: None)
    with pytest.raises(DatabaseUnavailable):
        away.prepare(FINISH)(job=uuid4(), token=None, now=None)
