"""The function behind the schedules of mail; what each of them queues is tested with the services."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError
from sqlalchemy import select

from functions.run_schedule import handler as run_schedule
from shared.bootstrap import Services
from shared.contracts import ExpireDocuments, SendBulkEmail, SendEmail
from shared.models import Account, DeadLetter, MessageRow, utcnow
from shared.services.digests import Week
from shared.values import DocumentStatus, MessageStatus
from tests.support.light_lane import bodies, wired
from tests.support.redis import RedisServer
from tests.support.rows import Rows

JOBS = ("weekly_digest", "inactive_reminders", "health_alerts")


@pytest.fixture
def stack(database_url: str, redis_server: RedisServer) -> Iterator[Services]:
    """The function's services."""
    environment = {"MAIL_FROM": "twolane@example.com", "ADMIN_EMAIL": "operator@example.com"}
    with wired({**environment, "DATABASE_URL": database_url, "REDIS_URL": redis_server.url}) as services:
        yield services


@pytest.fixture
def trouble(stack: Services) -> None:
    """Something to say for every schedule."""
    rows = Rows(stack.database)
    stack.keys.create(account="operator", name="first", role="admin")
    long_ago = utcnow() - timedelta(days=100)
    for address, came_at in (("busy@example.com", Week.before(utcnow()).start), ("idle@example.com", long_ago)):
        account_id = rows.account()
        rows.change(Account, account_id, email=address, created_at=long_ago)
        rows.document(account_id, created_at=came_at)
    letter = DeadLetter(
        id=uuid4(),
        lane="light",
        queue="sms",
        name="sms.send",
        payload={},
        error_code="provider_refused",
        error_message="SNS refused.",
        attempts=1,
        last_failed_at=utcnow() - timedelta(minutes=1),
    )
    with stack.database.write() as work:
        work.session.add(letter)


def ask(job: str) -> Mapping[str, int]:
    """Fire a schedule."""
    return run_schedule.handler({"job": job}, LambdaContext())


def mails(stack: Services) -> list[tuple[str, str | None]]:
    """Template and recipient of every mail that was queued."""
    with stack.database.read() as session:
        rows = session.scalars(select(MessageRow).order_by(MessageRow.created_at)).all()
    return [(row.content["template"], row.recipient) for row in rows]


@pytest.mark.parametrize("job", JOBS)
def test_a_schedule_with_nothing_to_say_says_nothing(stack: Services, job: str) -> None:
    assert ask(job) == {"mails": 0}
    assert mails(stack) == []


@pytest.mark.usefixtures("trouble")
def test_every_schedule_queues_its_mail_and_firing_twice_queues_none_twice(stack: Services) -> None:
    assert [ask(job) for job in JOBS] == [{"mails": 1}] * 3
    expected = [
        ("weekly_digest", "busy@example.com"),
        ("inactive_reminder", "idle@example.com"),
        ("task_failure", "operator@example.com"),
    ]
    assert mails(stack) == expected
    assert [ask(job) for job in JOBS] == [{"mails": 0}] * 3
    assert mails(stack) == expected
    assert len(bodies(stack.database, SendBulkEmail)) == 2
    assert len(bodies(stack.database, SendEmail)) == 1


def test_what_is_over_for_as_long_as_set_goes(stack: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "7")
    rows = Rows(stack.database)
    for days in (6, 8):
        rows.message(status=MessageStatus.SENT, created_at=utcnow() - timedelta(days=days))
    assert [ask("prune")["messages"] for _ in range(2)] == [1, 0]
    assert rows.count(MessageRow) == 1


def test_documents_that_are_kept_no_longer_are_left_to_a_worker(stack: Services) -> None:
    rows = Rows(stack.database)
    account_id = rows.account()
    rows.change(Account, account_id, retention_days=1)
    rows.document(account_id, DocumentStatus.COMPLETED, completed_at=utcnow() - timedelta(days=2))
    assert ask("expire_documents") == {"jobs": 1}
    assert [row.queue for row in rows.jobs(ExpireDocuments.name)] == ["default"]


@pytest.mark.parametrize("event", [{}, {"job": "payroll"}, {"job": None}, {"name": "weekly_digest"}])
def test_an_unknown_schedule_fails_loudly(stack: Services, event: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        run_schedule.handler(event, LambdaContext())
    assert mails(stack) == []


@pytest.mark.usefixtures("stack")
def test_an_event_to_begin_with_is_one_it_takes() -> None:
    event = json.loads(Path("tests/events/run_schedule.json").read_text())
    assert run_schedule.handler(event, LambdaContext()) == {"mails": 0}
