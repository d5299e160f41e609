"""Webhooks that only fail: disabled, their owner told, enabled again; but for callbacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from sqlalchemy import select

from shared import signatures
from shared.config import ConfigurationError
from shared.errors import MessageGaveUp, WorkerLost
from shared.models import MessageRow, Webhook, utcnow
from shared.services import failing_webhooks
from shared.services.failing_webhooks import FEWEST, GIVEN_UP, PATIENCE
from shared.services.mail.variables import WebhookDisabled
from shared.services.retries import PATIENCE_WITH_OURSELVES
from shared.values import WebhookChange
from tests.support.receiver import Receiver, answer, in_turn
from tests.support.rows import Rows
from tests.support.webhooks import WebhookLane, webhook_lane


@pytest.fixture
def lane(database_url: str, object_store: None) -> Iterator[WebhookLane]:
    """The function's services; receivers on 127.0.0.2 may be called."""
    del object_store
    with webhook_lane(database_url) as lane:
        yield lane


def mails(lane: WebhookLane) -> list[dict[str, Any]]:
    with lane.services.database.read() as session:
        return [{"to": row.recipient, **row.content} for row in session.scalars(select(MessageRow))]


def test_a_receiver_that_is_gone_is_called_no_more_and_its_owner_told(lane: WebhookLane) -> None:
    with Receiver(answer(410)) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        lane.tell(lane.event(), lane.event())
        lane.run()
        assert len(receiver.requests) == 1
    row = lane.webhook(webhook.id)
    assert (row.enabled, row.disabled_at is not None) == (False, True)
    assert "410" in (row.disabled_reason or "")
    [mail] = mails(lane)
    assert (mail["to"], mail["template"]) == ("owner@example.com", "webhook_disabled")
    assert (mail["variables"]["url"], mail["variables"]["webhook_id"]) == (receiver.url, str(webhook.id))


def test_a_webhook_whose_last_deliveries_were_given_up_is_disabled(lane: WebhookLane) -> None:
    refusing = [answer(404)] * (GIVEN_UP - 1)
    with Receiver(in_turn(*refusing, answer(200), *refusing, answer(404))) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        for expected in (GIVEN_UP - 1, 0, GIVEN_UP - 1):
            lane.tell(*(lane.event() for _ in range(max(expected, 1))))
            lane.run()
            assert (lane.webhook(webhook.id).enabled, lane.webhook(webhook.id).failures) == (True, expected)
        lane.tell()
        lane.run()
        assert not lane.webhook(webhook.id).enabled
        assert len(mails(lane)) == 1
        lane.services.webhooks.update(lane.account, webhook.id, WebhookChange(enabled=True))
        row = lane.webhook(webhook.id)
        assert (row.enabled, row.failures, row.failing_since, row.disabled_reason) == (True, 0, None, None)
        lane.tell()
        lane.run()
        assert lane.webhook(webhook.id).enabled


def test_a_webhook_that_has_only_failed_for_three_days_is_disabled(lane: WebhookLane) -> None:
    with Receiver(answer(500)) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        Rows(lane.services.database).change(Webhook, webhook.id, failures=FEWEST)
        lane.tell()
        for ago, enabled in ((PATIENCE - timedelta(minutes=1), True), (PATIENCE, False)):
            Rows(lane.services.database).change(Webhook, webhook.id, failing_since=utcnow() - ago)
            lane.run()
            assert lane.webhook(webhook.id).enabled == enabled
    [mail] = mails(lane)
    # As the template takes it.
    assert WebhookDisabled.model_validate(mail["variables"]).webhook_id == webhook.id


def test_one_failure_on_monday_and_a_blip_on_friday_disable_nothing(lane: WebhookLane) -> None:
    with Receiver(in_turn(*[answer(404)] * (FEWEST - 1), answer(500), answer(404))) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        lane.tell(*(lane.event() for _ in range(FEWEST - 1)))
        lane.run()
        Rows(lane.services.database).change(Webhook, webhook.id, failing_since=utcnow() - PATIENCE)
        lane.tell()
        lane.run()
        assert (lane.webhook(webhook.id).enabled, lane.webhook(webhook.id).failures) == (True, FEWEST - 1)
        lane.run()
        assert not lane.webhook(webhook.id).enabled


@pytest.mark.parametrize("error", [ConfigurationError("no secret"), WorkerLost("gone"), MessageGaveUp("too often")])
def test_our_own_faults_disable_nothing(lane: WebhookLane, error: Exception) -> None:
    with Receiver(answer()) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
    lane.tell(*(lane.event() for _ in range(GIVEN_UP)))
    for delivery in lane.deliveries():
        with lane.services.database.write() as work:
            failing_webhooks.gave_up(work, delivery, error)
    row = lane.webhook(webhook.id)
    assert (row.enabled, row.failures, row.failing_since) == (True, 0, None)


def test_without_a_secret_to_sign_with_no_webhook_is_disabled(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        lane.tell(*(lane.event() for _ in range(GIVEN_UP)))
        boto3.client("secretsmanager").put_secret_value(SecretId=os.environ["SIGNING_SECRET_ARN"], SecretString="{}")
        vars(lane.services).pop("signing_key", None)
        for _ in range(PATIENCE_WITH_OURSELVES):
            lane.run()
        assert receiver.connections == 0
    assert len(lane.dead_letters()) == GIVEN_UP
    assert (lane.webhook(webhook.id).enabled, lane.webhook(webhook.id).failures) == (True, 0)


def test_where_no_mail_is_sent_nobody_is_written_to(lane: WebhookLane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "")
    with Receiver(answer(410)) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        lane.tell()
        lane.run()
    assert not lane.webhook(webhook.id).enabled
    assert mails(lane) == []


def test_an_account_without_an_address_is_not_written_to(lane: WebhookLane) -> None:
    lane.account = lane.new_account()
    with Receiver(answer(410)) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        lane.tell()
        lane.run()
    assert not lane.webhook(webhook.id).enabled
    assert mails(lane) == []


def test_a_document_calls_back_and_its_webhook_is_never_disabled(lane: WebhookLane) -> None:
    rows = Rows(lane.services.database)
    with Receiver(in_turn(answer(200), answer(410))) as receiver:
        url = receiver.url + "/done?id=7"
        documents = [rows.document(lane.account, callback_url=url) for _ in range(3)]
        secret = lane.services.webhooks.rotate(lane.account, lane.services.webhooks.callbacks(lane.account).id)
        lane.tell(*(lane.event(document_id=str(document.id)) for document in documents))
        lane.run()
        assert len(receiver.requests) == 3
        assert receiver.requests[0].line.startswith("POST /done?id=7 ")
        signed = receiver.requests[0]
        assert signatures.verify({secret.webhook.key_id: secret.secret}, signed.headers, signed.body)
    row = lane.webhook(secret.webhook.id)
    assert (row.enabled, row.failures) == (True, 2)


def test_a_url_that_became_hostile_is_refused_when_it_is_called(lane: WebhookLane) -> None:
    with Receiver(answer(), host="127.0.0.1") as victim:
        document = Rows(lane.services.database).document(lane.account, callback_url=victim.url)
        [delivery_id] = lane.tell(lane.event(document_id=str(document.id)))
        lane.run()
        assert victim.connections == 0
    assert lane.dead_letters() == {lane.job(delivery_id).id: "url_not_allowed"}
