"""What carries one lane or queue may be down: the others leave all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import boto3
import pytest
from sqlalchemy import select

from shared.adapters.broker import Broker
from shared.adapters.bus import Bus
from shared.adapters.queues import Queues
from shared.config import Delivery, LightDelivery
from shared.contracts import DeliverWebhook, Job, Ping, SendEmail
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.events import BatchCompleted
from shared.models import EventRow, JobRow, JobStatus, OutboxRow, utcnow
from shared.services import relay as relay_module
from shared.services.jobs import Jobs
from shared.services.relay import Relay
from tests.integration.shared.test_queues import NOWHERE, received
from tests.support.redis import RedisServer
from tests.support.rows import Rows

LATER = timedelta(minutes=1)


@pytest.fixture
def urls(object_store: None) -> dict[str, str]:
    """Queues that work and one that is gone."""
    del object_store
    sqs = boto3.client("sqs")
    made = {name: sqs.create_queue(QueueName=f"{name}-{uuid4().hex}")["QueueUrl"] for name in ("email", "webhook")}
    return {**made, "sms": NOWHERE}


@pytest.fixture
def broker(redis_server: RedisServer) -> Iterator[Broker]:
    broker = Broker(redis_server.url)
    yield broker
    broker.close()


@pytest.fixture
def bus() -> str:
    """The name of a bus that is not there."""
    return uuid4().hex


@pytest.fixture
def wired(database_url: str, broker: Broker, urls: dict[str, str], bus: str) -> Iterator[Database]:
    """A database that publishes to Redis, SQS, and a bus that is not there."""
    database = Database(make_engine(database_url), broker.send, Queues(urls).publish, Bus(bus).publish)
    yield database
    database.close()


@pytest.fixture
def relay(wired: Database, broker: Broker) -> Relay:
    return Relay(wired, Jobs(wired, Delivery(), LightDelivery()), Delivery(), broker.waiting)


def email() -> SendEmail:
    return SendEmail(message_id=uuid4())


def send(wired: Database, *jobs: Job) -> list[UUID]:
    with wired.write() as work:
        return [work.send(job) for job in jobs]


def left_behind(wired: Database, *jobs: Job, age: timedelta = LATER) -> list[UUID]:
    """Jobs whose messages nobody took so far."""
    rows, ids = Rows(wired), []
    for job in jobs:
        job_id = rows.job(job)
        with wired.write() as work:
            work.session.add(OutboxRow(job_id=job_id, created_at=utcnow() - age, available_at=utcnow() - age))
        ids.append(job_id)
    return ids


def waiting(wired: Database) -> set[str]:
    """The names of the jobs whose messages have not left."""
    rows = Rows(wired)
    return {rows.get_job(row.job_id).name for row in rows.outbox()}


def test_without_redis_mail_leaves_with_the_commit(
    wired: Database, redis_server: RedisServer, urls: dict[str, str]
) -> None:
    redis_server.kill()
    send(wired, Ping(), email(), Ping())
    assert waiting(wired) == {"maintenance.ping"}
    assert len(received(urls["email"])) == 1


def test_without_redis_the_relay_sends_mail(
    wired: Database, relay: Relay, redis_server: RedisServer, urls: dict[str, str]
) -> None:
    left_behind(wired, Ping(), email(), Ping())
    redis_server.kill()
    assert relay.run().published == 1
    assert waiting(wired) == {"maintenance.ping"}
    assert len(received(urls["email"])) == 1


def test_without_the_queues_the_relay_sends_heavy_work(database_url: str, broker: Broker, urls: dict[str, str]) -> None:
    del urls
    nowhere = Queues({"email": NOWHERE, "webhook": NOWHERE})
    database = Database(make_engine(database_url), broker.send, nowhere.publish)
    relay = Relay(database, Jobs(database, Delivery()), Delivery(), broker.waiting)
    left_behind(database, email(), Ping(), DeliverWebhook(delivery_id=uuid4()))
    assert relay.run().published == 1
    assert (waiting(database), broker.waiting()) == ({"email.send", "webhook.deliver"}, 1)
    database.close()


def test_a_full_batch_that_one_queue_does_not_take_is_not_in_the_way_of_another(
    wired: Database, relay: Relay, urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class SendNowhere(SendEmail):
        name = "sms.send"
        queue = "sms"

    monkeypatch.setattr(relay_module, "BATCH", 3)
    stuck = [SendNowhere(message_id=uuid4()) for _ in range(5)]
    left_behind(wired, *stuck, age=timedelta(hours=1))
    left_behind(wired, email(), DeliverWebhook(delivery_id=uuid4()))
    assert relay.run().published == 2
    assert waiting(wired) == {"sms.send"}
    assert [len(received(urls[name])) for name in ("email", "webhook")] == [1, 1]


def test_without_the_bus_events_wait_and_messages_leave(
    wired: Database, relay: Relay, urls: dict[str, str], bus: str
) -> None:
    account_id = Rows(wired).account()
    with wired.write() as work:
        work.emit(account_id, BatchCompleted(batch_id=uuid4(), counts={}))
        work.send(email())
    assert len(received(urls["email"])) == 1
    with wired.read() as session:
        [event] = session.scalars(select(EventRow)).all()
    assert event.published_at is None
    boto3.client("events").create_event_bus(Name=bus)
    Rows(wired).change(EventRow, event.id, occurred_at=utcnow() - LATER)
    assert relay.run().published == 1


def test_a_retry_beyond_what_sqs_delays_waits_for_the_relay(
    wired: Database, relay: Relay, urls: dict[str, str]
) -> None:
    rows = Rows(wired)
    [job_id] = left_behind(wired, email())
    [row] = rows.outbox()
    due = utcnow() + timedelta(minutes=20)
    rows.change(OutboxRow, row.id, available_at=due)
    rows.change(JobRow, job_id, queued_at=due)
    assert relay.run().published == 0
    assert received(urls["email"]) == []
    for change in ((OutboxRow, row.id, "available_at"), (JobRow, job_id, "queued_at")):
        rows.change(change[0], change[1], **{change[2]: utcnow() - LATER})
    assert relay.run().published == 1
    assert len(received(urls["email"])) == 1


def test_light_work_that_waits_for_an_hour_is_sent_again_and_no_sooner(
    wired: Database, relay: Relay, urls: dict[str, str]
) -> None:
    rows = Rows(wired)
    for age in (timedelta(minutes=55), timedelta(minutes=65)):
        rows.job(email(), queued_at=utcnow() - age)
    rows.job(email(), queued_at=utcnow() - timedelta(days=2), status=JobStatus.SUCCEEDED, finished_at=utcnow())
    assert relay.run().resent == 1
    assert len(received(urls["email"])) == 1
    assert relay.run().resent == 0
