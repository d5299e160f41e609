"""The function behind the queue of notifications, which carries our jobs and the bus's events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import select

from functions.notify import handler as notify
from shared.bootstrap import Services
from shared.contracts import Notify, SendEmail, SendSms
from shared.models import Account, DeadLetter, Delivery, JobStatus, MessageRow, Notification, Webhook
from shared.services.notices import Notice
from shared.values import Caller, Channel, MessageKind, MessageStatus
from tests.support.emf import metrics_in
from tests.support.light_lane import at_once, bodies, bus_event, returned, sqs, wired
from tests.support.rows import Rows

EVERY = frozenset(Channel)


@pytest.fixture
def stack(database_url: str) -> Iterator[Services]:
    """The function's services."""
    environment = {"DATABASE_URL": database_url, "SMS_ENABLED": "true", "MAIL_FROM": "twolane@example.com"}
    with wired(environment) as services:
        yield services


@pytest.fixture
def rows(stack: Services) -> Rows:
    """Rows of the function's database."""
    return Rows(stack.database)


@pytest.fixture
def admin(rows: Rows) -> Caller:
    """Who tells."""
    return Caller(rows.account(), uuid4(), "admin")


@pytest.fixture
def told(rows: Rows) -> UUID:
    """Who is told: an account with every address."""
    account_id = rows.account()
    rows.change(Account, account_id, email="grete@example.com", phone="+4915112345678")
    return account_id


def submit(stack: Services, caller: Caller, told: UUID, channels: frozenset[Channel] = EVERY) -> UUID:
    """Queue a notification."""
    return stack.notifications.submit(caller, Notice(told, "Scanned", "All of it.", channels))


def deliver(stack: Services) -> int:
    """Give the function every notification that waits, once; count those it gives back."""
    return returned(notify.handler(sqs(*bodies(stack.database, Notify)), LambdaContext()))


def children(stack: Services, parent_id: UUID) -> dict[MessageKind, MessageRow]:
    """The messages that are part of a notification."""
    with stack.database.read() as session:
        rows = session.scalars(select(MessageRow).where(MessageRow.parent_id == parent_id)).all()
    by_kind = {row.kind: row for row in rows}
    assert len(by_kind) == len(rows)
    return by_kind


def test_a_notification_reaches_the_inbox_and_is_passed_on(stack: Services, admin: Caller, told: UUID) -> None:
    message_id = submit(stack, admin, told)
    assert deliver(stack) == 0
    with stack.database.read() as session:
        found = session.get_one(Notification, message_id)
        row = session.get_one(MessageRow, message_id)
    assert (found.account_id, found.title, found.body, found.read_at) == (told, "Scanned", "All of it.", None)
    assert (row.status, row.account_id) == (MessageStatus.SENT, admin.account_id)
    parts = children(stack, message_id)
    mail, sms = parts[MessageKind.EMAIL], parts[MessageKind.SMS]
    assert (mail.recipient, mail.content["template"]) == ("grete@example.com", "notification")
    assert mail.content["variables"]["title"] == "Scanned"
    assert (sms.recipient, sms.content["text"], sms.segments) == ("+4915112345678", "Scanned\nAll of it.", 1)
    assert [part.account_id for part in parts.values()] == [admin.account_id] * 2
    assert len(bodies(stack.database, SendEmail)) == len(bodies(stack.database, SendSms)) == 1


def test_delivered_five_times_at_once_it_is_there_once(stack: Services, rows: Rows, admin: Caller, told: UUID) -> None:
    message_id = submit(stack, admin, told)
    event = sqs(*bodies(stack.database, Notify))
    assert [returned(answer) for answer in at_once(notify.handler, event)] == [0] * 5
    assert rows.count(Notification) == 1
    assert [job.status for job in rows.jobs(Notify.name)] == [JobStatus.SUCCEEDED]
    assert len(children(stack, message_id)) == 2
    assert len(bodies(stack.database, SendEmail)) == len(bodies(stack.database, SendSms)) == 1


@pytest.mark.parametrize("channel", list(Channel))
def test_it_goes_by_the_channels_it_names_and_no_other(
    stack: Services, rows: Rows, admin: Caller, told: UUID, channel: Channel
) -> None:
    message_id = submit(stack, admin, told, frozenset({channel}))
    deliver(stack)
    assert rows.count(Notification) == (channel == Channel.IN_APP)
    expected = {Channel.EMAIL: {MessageKind.EMAIL}, Channel.SMS: {MessageKind.SMS}, Channel.IN_APP: set()}[channel]
    assert set(children(stack, message_id)) == expected


def test_all_of_it_happens_or_nothing(stack: Services, rows: Rows, admin: Caller, told: UUID) -> None:
    message_id = submit(stack, admin, told)
    with stack.database.write() as work:
        row = work.session.get_one(MessageRow, message_id)
        # The text message, which is queued last, can't be.
        row.content = row.content | {"body": "x" * 2000}
    assert deliver(stack) == 0
    with stack.database.read() as session:
        assert session.get_one(MessageRow, message_id).error_code == "message_too_large"
    assert rows.count(DeadLetter) == 1
    assert rows.count(Notification) == 0
    assert children(stack, message_id) == {}


def test_an_attempt_is_measured(stack: Services, admin: Caller, told: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    submit(stack, admin, told)
    deliver(stack)
    found = metrics_in(capsys.readouterr().out)
    assert found["Sent", (("Stack", "local"), ("Channel", "notification"))] == [1]
    assert "SentSeconds" in {name for name, _ in found}


def test_who_is_gone_is_told_nothing(stack: Services, rows: Rows, admin: Caller, told: UUID) -> None:
    message_id = submit(stack, admin, told)
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(Account, told))
    assert deliver(stack) == 0
    with stack.database.read() as session:
        assert session.get_one(MessageRow, message_id).error_code == "unknown_recipient"
    assert rows.count(DeadLetter) == 1
    assert children(stack, message_id) == {}


def test_a_notification_whose_sender_is_gone_is_a_dead_letter(
    stack: Services, rows: Rows, admin: Caller, told: UUID
) -> None:
    submit(stack, admin, told)
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(Account, admin.account_id))
    assert deliver(stack) == 0
    assert rows.count(DeadLetter) == 1
    assert rows.count(Notification) == 0


def test_an_event_of_the_bus_goes_to_who_subscribed(stack: Services, rows: Rows, told: UUID) -> None:
    with stack.database.write() as work:
        work.session.add(Webhook(account_id=told, url="https://hook.example", events=["report.completed"], key_id="k1"))
    detail = {
        "id": str(uuid4()),
        "type": "report.completed",
        "version": 1,
        "occurred_at": "2026-11-24T10:00:00Z",
        "account_id": str(told),
        "data": {"report_id": str(uuid4()), "kind": "weekly", "format": "pdf"},
    }
    event = sqs(bus_event("report.completed", detail))
    assert [returned(answer) for answer in at_once(notify.handler, event)] == [0] * 5
    assert rows.count(Delivery) == 1


def test_jobs_and_events_of_one_batch_do_not_disturb_each_other(
    stack: Services, rows: Rows, admin: Caller, told: UUID
) -> None:
    submit(stack, admin, told)
    [body] = bodies(stack.database, Notify)
    event = sqs("nonsense", bus_event("report.completed", {"id": "no event"}), body)
    answer = notify.handler(event, LambdaContext())
    failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert failed == [record["messageId"] for record in event["Records"][:2]]
    assert rows.count(Notification) == 1


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", "null", '{"detail-type": "x"}', '{"detail-type": "x", "detail": []}']
)
def test_what_is_neither_comes_again_until_it_is_a_dead_letter(stack: Services, body: str) -> None:
    del stack
    assert returned(notify.handler(sqs(body), LambdaContext())) == 1


def test_a_job_of_another_kind_is_not_done(rows: Rows) -> None:
    job = SendSms(message_id=uuid4())
    job_id = rows.job(job)
    body = {"job_id": str(job_id), "name": job.name, "payload": job.model_dump(mode="json"), "correlation_id": None}
    assert returned(notify.handler(sqs(json.dumps(body)), LambdaContext())) == 1
    assert rows.get_job(job_id).status == JobStatus.QUEUED


def test_an_event_to_begin_with_is_one_it_takes(stack: Services) -> None:
    """Its job is gone and nobody subscribed to its event: both are over."""
    del stack
    event = json.loads(Path("tests/events/notify.json").read_text())
    assert returned(notify.handler(event, LambdaContext())) == 0
