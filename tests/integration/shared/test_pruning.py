"""What is over long ago goes and what is open stays, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from shared.contracts import DeliverWebhook, OcrDocument, SendBulkEmail, SendEmail
from shared.db.unit_of_work import Database
from shared.models import (
    Base,
    Circuit,
    DeadLetter,
    Delivery,
    DeliveryAttempt,
    EventRow,
    IdempotencyRow,
    JobRow,
    JobStatus,
    MessageRow,
    Rate,
    Spend,
    Webhook,
    utcnow,
)
from shared.services import dead_letters, pruning
from shared.services.budgets import PAID_ONCE
from shared.services.pruning import Pruning
from shared.values import DeliveryStatus, MessageKind, MessageStatus
from tests.support.rows import Rows

NOW = utcnow()
OLD = NOW - timedelta(days=91)
LATE = NOW - timedelta(days=89)
HOURS = timedelta(hours=1)
NOTHING = dict.fromkeys(
    ["idempotency_keys", "circuits", "rates", "quotes", "dead_letters", "events", "deliveries", "messages", "jobs"], 0
)


@pytest.fixture
def prune(database: Database) -> Pruning:
    return Pruning(database, timedelta(days=90))


def add(database: Database, *rows: Base) -> None:
    with database.write() as work:
        work.session.add_all(rows)


def finished(rows: Rows, job: Any, at: datetime, key: str | None = None, **columns: Any) -> UUID:
    return rows.job(job, key=key, status=JobStatus.SUCCEEDED, finished_at=at, **columns)


def letter_of(rows: Rows, job_id: UUID, resolved_at: datetime | None = None) -> None:
    with rows.database.write() as work:
        dead_letters.enter_job(work.session, rows.get_job(job_id))
    rows.change(DeadLetter, job_id, resolved_at=resolved_at)


def sent(rows: Rows, at: datetime, status: MessageStatus = MessageStatus.SENT, **columns: Any) -> UUID:
    return rows.message(status=status, created_at=at, **columns)


def delivery(rows: Rows, finished_at: datetime | None) -> UUID:
    account_id, delivery_id = rows.account(), uuid4()
    webhook = Webhook(id=uuid4(), account_id=account_id, url="https://example.com", events=[], key_id="k1")
    told = {"event_id": uuid4(), "event_type": "document.completed", "url": "https://example.com", "body": "{}"}
    status = DeliveryStatus.PENDING if finished_at is None else DeliveryStatus.DELIVERED
    columns = {"key": uuid4().hex, "status": status, "created_at": OLD, "finished_at": finished_at}
    add(rows.database, webhook)
    add(rows.database, Delivery(id=delivery_id, webhook_id=webhook.id, account_id=account_id, **told, **columns))
    add(rows.database, DeliveryAttempt(delivery_id=delivery_id, number=1, request_excerpt="POST /"))
    return delivery_id


def test_answers_circuits_and_rates_stay_for_a_day(prune: Pruning, rows: Rows) -> None:
    account_id = rows.account()
    day = timedelta(days=1)
    for name, at in (("old", NOW - day - HOURS), ("new", NOW - day + HOURS)):
        said = {"account_id": account_id, "fingerprint": "f", "locked_until": at}
        add(rows.database, IdempotencyRow(key=name, created_at=at, **said), Circuit(name=name, updated_at=at))
        add(rows.database, Rate(name=name, free_at=at), Rate(name=f"alert:{name}", free_at=at))
    add(rows.database, Circuit(name="open", updated_at=OLD, open_until=NOW + HOURS))
    assert prune.prune(NOW) == NOTHING | {"idempotency_keys": 1, "circuits": 1, "rates": 1}
    assert (rows.count(IdempotencyRow), rows.count(Circuit), rows.count(Rate)) == (1, 2, 3)


def test_what_is_done_goes_when_its_time_is_over(prune: Pruning, rows: Rows) -> None:
    for at in (OLD, LATE):
        rows.event(published_at=at)
        delivery(rows, at)
        sent(rows, at)
        finished(rows, None, at)
        letter_of(rows, finished(rows, None, OLD), resolved_at=at)
    gone = {"events": 1, "deliveries": 1, "messages": 1, "jobs": 2, "dead_letters": 1}
    assert prune.prune(NOW) == NOTHING | gone
    assert (rows.count(EventRow), rows.count(Delivery), rows.count(DeliveryAttempt)) == (1, 1, 1)
    assert (rows.count(MessageRow), rows.count(JobRow), rows.count(DeadLetter)) == (1, 2, 1)
    assert prune.prune(NOW) == NOTHING


def test_what_is_open_stays_however_old(prune: Pruning, rows: Rows) -> None:
    rows.change(EventRow, rows.event(), published_at=None, occurred_at=OLD)
    delivery(rows, None)
    sent(rows, OLD, MessageStatus.QUEUED)
    rows.job(created_at=OLD, queued_at=OLD)
    document = rows.document()
    finished(rows, OcrDocument(document_id=document.id), OLD, document_id=document.id)
    assert prune.prune(NOW) == NOTHING


def test_what_an_open_dead_letter_is_about_stays(prune: Pruning, rows: Rows) -> None:
    message_id, delivery_id = sent(rows, OLD, MessageStatus.FAILED), delivery(rows, OLD)
    mail, hook = SendEmail(message_id=message_id), DeliverWebhook(delivery_id=delivery_id)
    jobs = [
        finished(rows, mail, OLD, f"{mail.name}:{message_id}"),
        finished(rows, hook, OLD, f"{hook.name}:{delivery_id}"),
    ]
    for job_id in jobs:
        letter_of(rows, job_id)
    event_id = rows.event(published_at=OLD)
    with rows.database.write() as work:
        told = {"lane": "light", "queue": "notify", "name": "x", "payload": {}, "error_code": "x", "error_message": "x"}
        dead_letters.enter(work.session, id=event_id, attempts=5, **told)
    assert prune.prune(NOW) == NOTHING
    for letter_id in (*jobs, event_id):
        rows.change(DeadLetter, letter_id, resolved_at=OLD)
    gone = {"dead_letters": 3, "events": 1, "deliveries": 1, "messages": 1, "jobs": 2}
    assert prune.prune(NOW) == NOTHING | gone


def test_what_many_got_goes_after_the_last_of_its_parts(prune: Pruning, rows: Rows) -> None:
    bulk = sent(rows, OLD, MessageStatus.QUEUED, kind=MessageKind.BULK)
    parts = [sent(rows, OLD, parent_id=bulk), sent(rows, OLD, MessageStatus.QUEUED, parent_id=bulk)]
    finished(rows, SendBulkEmail(message_id=parts[0]), LATE)
    assert prune.prune(NOW)["messages"] == 1
    assert prune.prune(NOW)["messages"] == 0
    rows.change(MessageRow, parts[1], status=MessageStatus.SENT)
    assert sum(prune.prune(NOW)["messages"] for _ in range(2)) == 2
    assert rows.count(MessageRow) == 0


def test_more_than_a_batch_goes_past_what_stays(prune: Pruning, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    for number in range(7):
        message_id = sent(rows, OLD)
        if number < 3:
            job = SendEmail(message_id=message_id)
            letter_of(rows, finished(rows, job, LATE, f"{job.name}:{message_id}"))
    assert prune.prune(NOW)["messages"] == 4


def test_when_its_time_is_up_the_next_day_goes_on(prune: Pruning, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(rows, OLD)
    monkeypatch.setattr(pruning, "SECONDS", 0)
    assert prune.prune(NOW) == NOTHING


def test_that_a_document_was_paid_for_is_forgotten_and_what_a_month_cost_is_not(prune: Pruning, rows: Rows) -> None:
    months = [f"{PAID_ONCE}{uuid4()}:1:{NOW - timedelta(days=days):%Y-%m}" for days in (400, 100, 1)]
    kept = [f"engine:textract:{NOW - timedelta(days=400):%Y-%m}", "sms:2020-01"]
    add(rows.database, *(Spend(period=period, micros=1) for period in (*months, *kept)))
    prune.prune(NOW)
    with rows.database.read() as session:
        assert set(session.scalars(select(Spend.period))) == {months[-1], *kept}
