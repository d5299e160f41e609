"""`sam local invoke` for every function of the template, with recorded events, against real stores.

Each function is called as it was built, in Lambda's runtime, and looked at from both sides: what it answered, and what
it did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends
from sqlalchemy import delete, select

from infra.local.state import REGION
from shared.contracts import FLEETS, DeliverWebhook, Job, Ping, SendEmail, SendSms
from shared.db.unit_of_work import Database
from shared.models import (
    Account,
    Base,
    DeadLetter,
    Delivery,
    DocumentStatus,
    MessageRow,
    Suppression,
    Webhook,
    utcnow,
)
from shared.services.digests import Week
from shared.signatures import derive, verify
from shared.values import DeliveryStatus, MessageKind, MessageStatus
from tests.support.bridge import Bridge
from tests.support.databases import PostgresDatabases
from tests.support.invoked import FUNCTIONS, Stores, opened
from tests.support.outgoing import Outgoing
from tests.support.receiver import Receiver, answer
from tests.support.rows import Rows
from tests.support.sam import EVENTS, body_of, recorded, say

MESSAGE = UUID("0e7b3a52-3a0e-4c8f-9b1d-6f1f2f0a7c22")
"""What the recorded messages are about."""

EXAMPLE_KEY = "tl_API_KEY"
UPLOADED = b"\x89PNG\r\n\x1a\n" + bytes(24)
"""The 32 bytes that the recorded upload tells of."""


@pytest.fixture(scope="module")
def stores(
    tmp_path_factory: pytest.TempPathFactory, postgres_databases: PostgresDatabases, request: pytest.FixtureRequest
) -> Iterator[Stores]:
    """PostgreSQL, Redis, an object store, and sam in front of them."""
    with postgres_databases.migrated() as url, opened(tmp_path_factory.mktemp("sam"), url) as made:
        yield made
        say(request.config, *map(str, made.sam.invocations))


@pytest.fixture(autouse=True)
def quiet(stores: Stores) -> None:
    """Each test begins with nothing in the database and nothing in the broker."""
    stores.redis.flush()
    with stores.database.write() as work:
        for table in reversed(Base.metadata.sorted_tables):
            work.session.execute(delete(table))


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_every_function_has_a_recorded_event(folder: str) -> None:
    assert (EVENTS / f"{folder}.json").exists(), f"record an event of {FUNCTIONS[folder]} in tests/events/{folder}.json"


def test_the_api_is_ready(stores: Stores) -> None:
    invocation = stores.invoke("api", recorded("api"), "GET /health/ready")
    assert invocation.answer["statusCode"] == 200, invocation.log
    assert body_of(invocation.answer)["status"] == "ok"


def test_the_api_takes_a_form(stores: Stores) -> None:
    key = stores.key()
    invocation = stores.invoke("api", recorded("api_submit", {EXAMPLE_KEY: key.secret}), "POST /v1/documents")
    assert invocation.answer["statusCode"] == 202, invocation.log
    shown = body_of(invocation.answer)
    row = stores.document(shown["id"])
    assert (row.status, row.account_id, row.filename) == (DocumentStatus.QUEUED, key.account.id, "recorded.png")
    assert stores.stored(shown["id"]) == [f"documents/{shown['id']}/source"]
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (0, 1)


def test_the_api_refuses_the_key_of_the_example(stores: Stores) -> None:
    invocation = stores.invoke("api", recorded("api_list"), "GET /v1/documents")
    assert invocation.answer["statusCode"] == 401, invocation.log
    assert body_of(invocation.answer)["code"] == "unauthorized"


def test_an_upload_is_accepted(stores: Stores) -> None:
    event = recorded("ingest")
    landed = json.loads(event["Records"][0]["body"])["detail"]["object"]["key"]
    document_id = landed.split("/")[1]
    row = Rows(stores.database).document(
        id=UUID(document_id), status=DocumentStatus.AWAITING_UPLOAD, source_key=landed, size_bytes=len(UPLOADED)
    )
    stores.objects.put(landed, UPLOADED)
    invocation = stores.invoke("ingest", event)
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    assert stores.document(document_id).status == DocumentStatus.QUEUED
    assert stores.document(document_id).sha256 != row.sha256
    # It lies where no form reaches it, and nowhere else.
    (key,) = stores.stored(document_id)
    assert key.startswith(f"documents/{document_id}/source")
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (0, 1)


def test_the_relay_publishes_what_was_left_behind(stores: Stores) -> None:
    nobody_listens = Outgoing()
    nobody_listens.down = True
    with Database(stores.database.engine, nobody_listens).write() as work:
        work.send(Ping())
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (1, 0)
    invocation = stores.invoke("relay_outbox", recorded("relay_outbox"))
    assert invocation.answer.get("published") == 1, invocation.log
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (0, 1)


def test_the_publisher_writes_what_cloudwatch_reads(stores: Stores) -> None:
    with Database(stores.database.engine, stores.broker.send).write() as work:
        work.send(Ping())
    invocation = stores.invoke("publish_metrics", recorded("publish_metrics"))
    assert invocation.answer, invocation.log
    lines = [json.loads(line) for line in invocation.log.splitlines() if line.startswith("{") and '"_aws"' in line]
    assert {line["Stack"] for line in lines} == {"recorded"}
    by_fleet = {line["Fleet"]: line for line in lines if "Fleet" in line}
    assert {fleet: line["Load"] for fleet, line in by_fleet.items()} == {**dict.fromkeys(FLEETS, 0), "default": 1}
    assert any("OutboxAgeSeconds" in line for line in lines)
    assert invocation.answer == {"metrics": sum(len(declared(line)) for line in lines)}


def test_an_operator_gets_a_key_that_the_api_knows(stores: Stores) -> None:
    invocation = stores.invoke("create_key", recorded("create_key"))
    key = invocation.answer["key"]
    assert key not in invocation.log
    listed = stores.invoke("api", recorded("api_list", {EXAMPLE_KEY: key}), "GET /v1/documents")
    assert listed.answer["statusCode"] == 200, listed.log
    assert body_of(listed.answer) == {"items": [], "next_cursor": None}


def queued(stores: Stores, folder: str, job: Job) -> dict[str, Any]:
    """The recorded message of a function's queue, and the row of the job that it names."""
    event = recorded(folder)
    said = json.loads(event["Records"][0]["body"])
    assert (said["name"], said["payload"]) == (job.name, job.model_dump(mode="json"))
    Rows(stores.database).job(job, id=UUID(said["job_id"]))
    return event


def row(stores: Stores, kind: type[Any], row_id: UUID) -> Any:
    """A row as it is now."""
    with stores.database.read() as session:
        return session.get_one(kind, row_id)


def test_a_mail_is_sent(stores: Stores) -> None:
    Rows(stores.database).message(id=MESSAGE, content={"subject": "Recorded", "text": "Good morning.", "html": None})
    invocation = stores.invoke("send_email", queued(stores, "send_email", SendEmail(message_id=MESSAGE)))
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    assert row(stores, MessageRow, MESSAGE).status == MessageStatus.SENT, invocation.log
    [mail] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert "Subject: Recorded" in mail.raw_data


def test_a_text_message_is_sent(stores: Stores) -> None:
    content = {"text": "Your document is ready."}
    columns = {"id": MESSAGE, "recipient": "+15555550100", "segments": 1, "cost_micros": 6450, "content": content}
    Rows(stores.database).message(MessageKind.SMS, **columns)
    invocation = stores.invoke("send_sms", queued(stores, "send_sms", SendSms(message_id=MESSAGE)))
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    assert row(stores, MessageRow, MESSAGE).status == MessageStatus.SENT, invocation.log
    assert ("+15555550100", content["text"]) in sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values()


def subscribed(stores: Stores, url: str, account_id: UUID) -> Webhook:
    """A webhook of an account."""
    webhook = Webhook(account_id=account_id, url=url, events=["document.completed"], key_id="k1")
    with stores.database.write() as work:
        work.session.add(webhook)
    return webhook


def test_an_event_of_the_bus_becomes_a_delivery(stores: Stores) -> None:
    event = recorded("notify")
    account_id = UUID(json.loads(event["Records"][0]["body"])["detail"]["account_id"])
    with stores.database.write() as work:
        work.session.add(Account(id=account_id, name="recorded"))
    webhook = subscribed(stores, "https://receiver.example.com/hook", account_id)
    invocation = stores.invoke("notify", event)
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    with stores.database.read() as session:
        [delivery] = session.scalars(select(Delivery))
    assert (delivery.webhook_id, delivery.event_type) == (webhook.id, "document.completed")
    [waiting] = Rows(stores.database).jobs(DeliverWebhook.name)
    assert waiting.payload == {"delivery_id": str(delivery.id)}


def test_a_webhook_is_delivered_signed(stores: Stores) -> None:
    with Receiver(answer(204), host="127.0.0.1") as receiver, Bridge() as bridge:
        url = f"{bridge.url(receiver.url)}/hook"
        webhook = subscribed(stores, url, Rows(stores.database).account())
        said = {"event_id": uuid4(), "event_type": "document.completed", "body": '{"id": 1}', "key": "recorded"}
        with stores.database.write() as work:
            delivery = Delivery(id=MESSAGE, webhook_id=webhook.id, account_id=webhook.account_id, url=url, **said)
            work.session.add(delivery)
        event = queued(stores, "deliver_webhook", DeliverWebhook(delivery_id=MESSAGE))
        invocation = stores.invoke("deliver_webhook", event)
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    assert row(stores, Delivery, MESSAGE).status == DeliveryStatus.DELIVERED, invocation.log
    [request] = receiver.requests
    secret = "whsec_" + derive(b"key", "webhook", str(webhook.id), "k1")
    assert verify({"k1": secret}, request.headers, request.body)


def test_what_gave_up_is_listed(stores: Stores) -> None:
    invocation = stores.invoke("record_dead_letter", recorded("record_dead_letter"))
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    with stores.database.read() as session:
        [dead] = session.scalars(select(DeadLetter))
    assert "neither JSON nor a job" in str(dead.payload)


def test_who_bounced_is_written_to_no_more(stores: Stores) -> None:
    invocation = stores.invoke("record_feedback", recorded("record_feedback"))
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    with stores.database.read() as session:
        [listed] = session.scalars(select(Suppression))
    assert listed.address == "gone@example.com"


def test_a_schedule_writes_to_who_had_documents(stores: Stores) -> None:
    week = Week.before(utcnow())
    document = Rows(stores.database).document(created_at=week.start)
    Rows(stores.database).change(Account, document.account_id, email="owner@example.com")
    invocation = stores.invoke("run_schedule", recorded("run_schedule"))
    assert invocation.answer == {"mails": 1}, invocation.log


def test_no_function_was_left_out(stores: Stores) -> None:
    # The last of this file: a function that is new in the template needs a test above.
    called = {invocation.function for invocation in stores.sam.invocations}
    assert called == set(FUNCTIONS.values())


def declared(line: dict[str, Any]) -> list[str]:
    """The metrics that a line says it carries."""
    return [metric["Name"] for part in line["_aws"]["CloudWatchMetrics"] for metric in part["Metrics"]]
