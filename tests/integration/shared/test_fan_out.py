"""From an event to its deliveries."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.adapters.bus import envelope
from shared.adapters.outbound_guard import Guard
from shared.db.unit_of_work import Database
from shared.errors import InvalidEvent
from shared.events import EVENTS
from shared.models import Delivery, DocumentStatus, JobRow, Webhook
from shared.services import announcing
from shared.services.delivery_log import DeliveryLog
from shared.services.fan_out import FanOut
from shared.services.webhooks import Webhooks
from shared.values import DeliveryStatus, WebhookChange
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

URL = "https://example.com/hook"
CALLBACK = "https://example.org/done"


@pytest.fixture
def webhooks(database: Database) -> Webhooks:
    return Webhooks(database, Guard(), lambda: b"the stack's key")


@pytest.fixture
def fan_out(database: Database) -> FanOut:
    return FanOut(database)


def detail(account_id: UUID, kind: str = "document.completed", **data: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "type": kind,
        "version": 1,
        "occurred_at": "2026-11-24T12:00:00Z",
        "account_id": str(account_id),
        "data": {"document_id": str(uuid4()), **data},
    }


def test_every_webhook_that_wants_an_event_gets_it_once(
    webhooks: Webhooks, fan_out: FanOut, rows: Rows, outgoing: Outgoing
) -> None:
    account, other = rows.account(), rows.account()
    first = webhooks.create(account, URL, ["document.completed", "document.failed"]).webhook
    second = webhooks.create(account, URL, ["document.completed"]).webhook
    webhooks.create(account, URL, ["batch.completed"])
    webhooks.create(other, URL, ["document.completed"])
    off = webhooks.create(account, URL, ["document.completed"]).webhook
    webhooks.update(account, off.id, WebhookChange(enabled=False))
    event = detail(account)
    assert sum(at_once([lambda: fan_out.of_event(event)] * 5)) == 2
    assert fan_out.of_event(event) == 0
    with rows.database.read() as session:
        made = session.query(Delivery).where(Delivery.status == DeliveryStatus.PENDING).all()
    assert {row.webhook_id for row in made} == {first.id, second.id}
    assert {(row.account_id, row.event_type, str(row.event_id)) for row in made} == {
        (account, "document.completed", event["id"])
    }
    assert all(json.loads(row.body) == event for row in made)
    assert sorted(message.name for message in outgoing.light) == ["webhook.deliver"] * 2
    assert {row.key for row in rows.jobs()} == {f"webhook.deliver:{row.id}" for row in made}


def test_what_a_disabled_webhook_misses_is_logged_to_be_replayed(
    webhooks: Webhooks, fan_out: FanOut, rows: Rows, outgoing: Outgoing
) -> None:
    account = rows.account()
    off = webhooks.create(account, URL, ["document.completed"]).webhook
    webhooks.update(account, off.id, WebhookChange(enabled=False))
    event = detail(account)
    assert [fan_out.of_event(event), fan_out.of_event(event), fan_out.of_event(detail(account, "batch.completed"))] == [
        0,
        0,
        0,
    ]
    log = DeliveryLog(rows.database)
    [missed], _ = log.list(account, off.id, DeliveryStatus.FAILED, 10, None)
    assert (missed.delivery.error_code, missed.delivery.finished_at is not None) == ("webhook_disabled", True)
    assert (rows.count(JobRow), outgoing.light) == (0, [])
    webhooks.update(account, off.id, WebhookChange(enabled=True))
    again = log.replay(account, missed.delivery.id)
    assert json.loads(again.delivery.body) == event
    assert [message.name for message in outgoing.light] == ["webhook.deliver"]


def test_the_log_of_a_webhook_that_stays_disabled_ends(
    webhooks: Webhooks, fan_out: FanOut, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.fan_out.MOST_MISSED", 2)
    account = rows.account()
    off = webhooks.create(account, URL, ["document.completed"]).webhook
    for counted in (2, 4):
        webhooks.update(account, off.id, WebhookChange(enabled=False))
        for _ in range(3):
            fan_out.of_event(detail(account))
        assert rows.count(Delivery) == counted
        webhooks.update(account, off.id, WebhookChange(enabled=True))


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_there_is_can_be_passed_on(webhooks: Webhooks, fan_out: FanOut, rows: Rows, kind: str) -> None:
    account = rows.account()
    webhooks.create(account, URL, list(EVENTS))
    assert fan_out.of_event(detail(account, kind)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "document.exploded"},
        {"type": None},
        {"version": 2},
        {"version": "1.0"},
        {"id": "seventeen"},
        {"account_id": None},
        {"occurred_at": "yesterday"},
        {"data": []},
        {"data": {}},
        {"data": {"document_id": "none"}},
    ],
)
def test_what_is_no_event_of_ours_is_refused_and_says_what_is_wrong(
    fan_out: FanOut, rows: Rows, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEvent, match=r"\.$"):
        fan_out.of_event(detail(rows.account()) | wrong)
    assert rows.count(Delivery) == 0


def test_an_event_may_have_fields_that_are_not_known_yet(fan_out: FanOut, webhooks: Webhooks, rows: Rows) -> None:
    account = rows.account()
    webhooks.create(account, URL, ["document.completed"])
    assert fan_out.of_event(detail(account, region="eu", shade="blue") | {"more": {"a": 1}}) == 1
    with rows.database.read() as session:
        assert json.loads(session.query(Delivery).one().body)["more"] == {"a": 1}


@pytest.mark.parametrize("text", ["Grüße", "\x00 nul", "\ud800 half", "\u2028 line", "</script>"])
def test_whatever_a_client_wrote_is_kept_as_it_will_be_sent(
    fan_out: FanOut, webhooks: Webhooks, rows: Rows, text: str
) -> None:
    account = rows.account()
    webhooks.create(account, URL, ["document.completed"])
    event = detail(account, filename=text)
    fan_out.of_event(event)
    with rows.database.read() as session:
        body = session.query(Delivery).one().body
    assert body.isascii()
    assert json.loads(body) == event


def test_an_event_of_an_account_that_is_gone_reaches_nobody(fan_out: FanOut) -> None:
    assert fan_out.of_event(detail(uuid4())) == 0


# --- callbacks


@pytest.mark.parametrize("status", [status for status in DocumentStatus if status.final])
def test_a_document_with_a_callback_is_told_of_however_it_ends(
    database: Database, fan_out: FanOut, rows: Rows, outgoing: Outgoing, status: DocumentStatus
) -> None:
    document = rows.document(callback_url=CALLBACK, status=status)
    with database.write() as work:
        announcing.announce(work, document)
    [event] = outgoing.events
    assert fan_out.of_event(envelope(event)) == 1
    with database.read() as session:
        delivery = session.query(Delivery).one()
        webhook = session.get_one(Webhook, delivery.webhook_id)
    assert (delivery.url, delivery.event_type) == (CALLBACK, f"document.{status}")
    assert (webhook.url, webhook.account_id, webhook.enabled) == (None, document.account_id, True)


def test_callbacks_of_an_account_share_one_webhook_however_many_end_at_once(fan_out: FanOut, rows: Rows) -> None:
    account = rows.account()
    documents = [rows.document(account, callback_url=CALLBACK) for _ in range(5)]
    calls = [lambda one=one: fan_out.of_event(detail(account, document_id=str(one.id))) for one in documents]
    assert at_once(calls) == [1] * 5
    assert (rows.count(Webhook), rows.count(Delivery)) == (1, 5)


def test_no_callback_of_another_account_or_of_what_is_deleted(fan_out: FanOut, rows: Rows) -> None:
    stranger = rows.document(callback_url=CALLBACK)
    account = rows.account()
    for document_id in (stranger.id, uuid4(), rows.document(account).id):
        assert fan_out.of_event(detail(account, document_id=str(document_id))) == 0
    assert rows.count(JobRow) == 0
