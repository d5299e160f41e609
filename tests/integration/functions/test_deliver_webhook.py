"""Events on their way to real receivers, through the real function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from ipaddress import ip_address
from threading import Event
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.deliver_webhook.handler import handler
from shared import signatures
from shared.contracts import DeliverWebhook
from shared.models import Delivery, JobRow, Webhook, utcnow
from shared.services.circuits import FAILURES
from shared.services.deliveries import AT_ONCE
from shared.services.places import Places
from shared.values import WebhookChange
from tests.support.light_lane import at_once, bodies, sqs
from tests.support.receiver import Receiver, Request, answer, drip, hang, in_turn, raw
from tests.support.rows import Rows
from tests.support.waiting import wait_until
from tests.support.webhooks import WebhookLane, webhook_lane


@pytest.fixture
def lane(database_url: str, object_store: None) -> Iterator[WebhookLane]:
    """The function's services; receivers on 127.0.0.2 may be called."""
    del object_store
    with webhook_lane(database_url) as lane:
        yield lane


def test_an_event_arrives_signed_and_is_logged(lane: WebhookLane, capsys: pytest.CaptureFixture[str]) -> None:
    detail = lane.event()
    with Receiver(answer(202, b"thanks")) as receiver:
        made = lane.subscribe(receiver.url + "/hook?a=b")
        [delivery_id] = lane.tell(detail)
        lane.run()
        [request] = receiver.requests
    delivery, [attempt] = lane.delivery(delivery_id), lane.attempts(delivery_id)
    assert json.loads(request.body) == detail
    assert request.body.decode() == delivery.body
    assert signatures.verify({made.webhook.key_id: made.secret}, request.headers, request.body)
    assert request.headers["twolane-event"] == "document.completed"
    assert request.headers["twolane-delivery"] == str(delivery_id)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "Twolane-Webhooks/1"
    assert (delivery.status, delivery.response_status, delivery.error_code) == ("delivered", 202, None)
    assert (attempt.number, attempt.response_status, attempt.response_excerpt) == (1, 202, "thanks")
    assert lane.job(delivery_id).status == "succeeded"
    line = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line)
    assert (line["Channel"], line["Sent"], line["Attempts"]) == ("webhook", 1, 1)
    assert 0 < line["SentSeconds"] < 30


def test_an_attempt_that_fails_is_followed_by_another_of_the_same_delivery(lane: WebhookLane) -> None:
    with Receiver(in_turn(answer(500, b"oh no"), raw(b""), answer())) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        [delivery_id] = lane.tell()
        lane.run()
        assert lane.webhook(webhook.id).failing_since is not None
        assert (lane.delivery(delivery_id).status, lane.job(delivery_id).status) == ("pending", "queued")
        assert timedelta() < lane.job(delivery_id).queued_at - utcnow() < timedelta(seconds=13)
        lane.run()
        lane.run()
        assert {request.headers["twolane-delivery"] for request in receiver.requests} == {str(delivery_id)}
        assert len({request.body for request in receiver.requests}) == 1
    attempts = lane.attempts(delivery_id)
    assert [(one.number, one.response_status, one.error_code) for one in attempts] == [
        (1, 500, "delivery_failed"),
        (2, None, "delivery_failed"),
        (3, 200, None),
    ]
    assert lane.delivery(delivery_id).status == "delivered"
    assert (lane.webhook(webhook.id).failing_since, lane.webhook(webhook.id).failures) == (None, 0)


over = Event()


@pytest.mark.parametrize(
    ("behave", "job", "code"),
    [
        (answer(200), "succeeded", None),
        (answer(204, b""), "succeeded", None),
        (answer(200, b"z" * 5_000_000), "succeeded", None),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha"), "succeeded", None),
        (answer(500), "queued", "delivery_failed"),
        (answer(502), "queued", "delivery_failed"),
        (answer(503), "queued", "delivery_failed"),
        (answer(408), "queued", "delivery_failed"),
        (answer(425), "queued", "delivery_failed"),
        (answer(429), "queued", "delivery_failed"),
        (answer(429, Retry_After="120"), "queued", "throttled"),
        (answer(503, Retry_After="120"), "queued", "throttled"),
        (raw(b""), "queued", "delivery_failed"),
        (raw(b"not HTTP at all\r\n\r\n"), "queued", "delivery_failed"),
        (hang(over), "queued", "delivery_failed"),
        (drip(over, b"HTTP/1.1 200 OK\r\nX-A: "), "queued", "delivery_failed"),
        (answer(400), "failed", "delivery_refused"),
        (answer(401), "failed", "delivery_refused"),
        (answer(404), "failed", "delivery_refused"),
        (answer(410), "failed", "delivery_refused"),
        (answer(301, Location="/elsewhere"), "failed", "delivery_refused"),
        (answer(307, Location="/again"), "failed", "delivery_refused"),
        (answer(307, Location="http://169.254.169.254/latest/"), "failed", "url_not_allowed"),
        (answer(307, Location="http://localhost/"), "failed", "url_not_allowed"),
    ],
)
def test_what_an_answer_means(
    lane: WebhookLane, behave: Callable[[Any, Request], None], job: str, code: str | None
) -> None:
    with Receiver(behave) as receiver:
        lane.subscribe(receiver.url)
        [delivery_id] = lane.tell()
        lane.run()
    row, delivery, [attempt] = lane.job(delivery_id), lane.delivery(delivery_id), lane.attempts(delivery_id)
    assert (row.status, attempt.error_code, delivery.error_code) == (job, code, code)
    assert delivery.status == {"succeeded": "delivered", "queued": "pending", "failed": "failed"}[job]
    # What is refused is a dead letter at once, with the reason.
    assert lane.dead_letters() == ({row.id: code} if job == "failed" else {})
    if code == "throttled":
        assert row.queued_at - utcnow() > timedelta(seconds=115)


@pytest.mark.parametrize(
    ("behave", "status", "excerpt"),
    [
        (answer(301, b"moved", Location="/elsewhere"), 301, "moved"),
        (answer(307, b"over there", Location="http://169.254.169.254/latest/"), 307, "over there"),
        # Its address is seen only when it is followed.
        (answer(307, b"not read", Location="http://localtest.example.com/"), 307, ""),
        (answer(308, b"nowhere"), 308, "nowhere"),
    ],
)
def test_a_redirect_that_is_not_followed_is_in_the_log(
    lane: WebhookLane, monkeypatch: pytest.MonkeyPatch, behave: Any, status: int, excerpt: str
) -> None:
    monkeypatch.setattr("shared.adapters.outbound.resolve_by_system", lambda *_: [ip_address("127.0.0.1")])
    with Receiver(behave) as receiver:
        lane.subscribe(receiver.url)
        [delivery_id] = lane.tell()
        lane.run()
    [attempt] = lane.attempts(delivery_id)
    assert (attempt.response_status, attempt.response_excerpt) == (status, excerpt)
    assert lane.delivery(delivery_id).response_status == status
    assert attempt.error_code in {"delivery_refused", "url_not_allowed"}


def test_a_receiver_that_is_not_there_is_tried_again(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        lane.subscribe(receiver.url)
    [delivery_id] = lane.tell()
    lane.run()
    assert (lane.job(delivery_id).status, lane.job(delivery_id).error_code) == ("queued", "delivery_failed")


def test_a_message_delivered_five_times_at_once_is_one_request(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        lane.subscribe(receiver.url)
        [delivery_id] = lane.tell()
        answers = at_once(handler, sqs(*bodies(lane.services.database, DeliverWebhook)))
        assert answers == [{"batchItemFailures": []}] * 5
        assert len(receiver.requests) == 1
    assert len(lane.attempts(delivery_id)) == 1


def test_one_that_fails_does_not_stop_the_others_of_its_batch(lane: WebhookLane) -> None:
    with Receiver(answer(404)) as bad, Receiver(answer()) as good:
        lane.subscribe(bad.url)
        lane.subscribe(good.url)
        lane.tell(*(lane.event() for _ in range(3)))
        lane.run()
        assert (len(bad.requests), len(good.requests)) == (3, 3)
    assert sorted(delivery.status for delivery in lane.deliveries()) == ["delivered"] * 3 + ["failed"] * 3


def test_the_log_holds_no_secret_and_no_signature_even_where_a_receiver_repeats_them(lane: WebhookLane) -> None:
    def echo(connection: Any, request: Request) -> None:
        # So that the excerpt would end in the middle of the first signature.
        answer(200, b"x" * 960 + request.headers["twolane-signature"].encode())(connection, request)

    with Receiver(echo) as receiver:
        made = lane.subscribe(receiver.url)
        lane.services.webhooks.rotate(lane.account, made.webhook.id)
        [delivery_id] = lane.tell()
        lane.run()
        signature = receiver.requests[0].headers["twolane-signature"]
    [attempt] = lane.attempts(delivery_id)
    assert attempt.response_excerpt is not None
    logged = attempt.request_excerpt + attempt.response_excerpt
    for part in signature.split(", "):
        digest = part.partition("=")[2]
        assert len(digest) == 64
        # Not even a part of it, cut off by the end of the excerpt.
        assert digest[:12] not in logged
    assert made.secret not in logged
    assert str(delivery_id) in attempt.request_excerpt
    assert len(attempt.response_excerpt) == 1000


# --- secrets


def test_two_secrets_sign_for_a_day_after_a_rotation(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        old = lane.subscribe(receiver.url)
        new = lane.services.webhooks.rotate(lane.account, old.webhook.id)
        lane.tell()
        lane.run()
        with lane.services.database.write() as work:
            row = work.session.get_one(Webhook, old.webhook.id)
            assert row.previous_until is not None
            assert timedelta(hours=23) < row.previous_until - utcnow() <= timedelta(hours=24)
            row.previous_until = utcnow()
        lane.tell()
        lane.run()
        during, after = receiver.requests
    secrets = [{old.webhook.key_id: old.secret}, {new.webhook.key_id: new.secret}]
    assert [signatures.verify(secret, during.headers, during.body) for secret in secrets] == [True, True]
    assert [signatures.verify(secret, after.headers, after.body) for secret in secrets] == [False, True]
    assert old.secret != new.secret


# --- what is not wanted any more


def test_what_is_under_way_to_a_webhook_that_is_deleted_ends_there(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        [delivery_id] = lane.tell()
        job = lane.job(delivery_id)
        lane.services.webhooks.delete(lane.account, webhook.id)
        lane.run()
        assert receiver.connections == 0
    assert Rows(lane.services.database).get_job(job.id).status == "cancelled"
    assert lane.dead_letters() == {}


def test_what_is_under_way_to_a_webhook_that_is_disabled_is_not_made_and_no_dead_letter(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        [delivery_id] = lane.tell()
        lane.services.webhooks.update(lane.account, webhook.id, WebhookChange(enabled=False))
        lane.run()
        assert receiver.connections == 0
        ended = lane.delivery(delivery_id)
        assert (ended.status, ended.error_code) == ("failed", "webhook_disabled")
        assert lane.dead_letters() == {}
        assert lane.webhook(webhook.id).failures == 0


# --- a receiver that is left alone


def test_a_receiver_that_fails_again_and_again_is_left_alone(lane: WebhookLane) -> None:
    with Receiver(answer(500)) as receiver:
        webhook = lane.subscribe(receiver.url).webhook
        lane.tell(*(lane.event() for _ in range(FAILURES + 2)))
        lane.run()
        assert len(receiver.requests) == FAILURES
        put_off = [one.id for one in lane.deliveries() if not lane.attempts(one.id)]
        assert [lane.job(one).attempt for one in put_off] == [0, 0]
        # Nobody waits for ever: what was put off for as long as a delivery may take is given up.
        Rows(lane.services.database).change(JobRow, lane.job(put_off[0]).id, first_failed_at=hours_ago(25))
        lane.run()
    assert lane.dead_letters() == {lane.job(put_off[0]).id: "circuit_open"}
    assert (lane.delivery(put_off[0]).status, lane.delivery(put_off[0]).error_code) == ("failed", "circuit_open")
    assert lane.webhook(webhook.id).failures == 1


def test_an_old_delivery_that_is_requeued_has_its_whole_time_again(lane: WebhookLane) -> None:
    with Receiver(answer(500)) as receiver:
        lane.subscribe(receiver.url)
        lane.tell(*(lane.event() for _ in range(FAILURES + 1)))
        lane.run()
        [put_off] = [one.id for one in lane.deliveries() if not lane.attempts(one.id)]
        job = lane.job(put_off)
        rows = Rows(lane.services.database)
        rows.change(JobRow, job.id, first_failed_at=hours_ago(25))
        rows.change(Delivery, put_off, created_at=hours_ago(25))
        lane.run()
        lane.services.dead_letters.requeue(job.id)
        lane.run()
    assert lane.job(put_off).status == "queued"


def test_what_fails_for_one_account_is_not_held_back_for_another_on_the_same_host(lane: WebhookLane) -> None:
    def by_path(connection: Any, request: Request) -> None:
        bad, silent = request.line.startswith("POST /bad"), request.line.startswith("POST /silent")
        (hang(over) if silent else answer(500 if bad else 200))(connection, request)

    with Receiver(by_path) as receiver:
        attacked = lane.account
        for path in ("/bad", "/silent"):
            lane.account = lane.new_account()
            lane.subscribe(receiver.url + path)
            lane.tell(*(lane.event() for _ in range(FAILURES + 1)))
        # Callbacks of documents, too, are the business of one account.
        lane.account = lane.new_account()
        for _ in range(FAILURES + 1):
            document = Rows(lane.services.database).document(lane.account, callback_url=receiver.url + "/bad/callback")
            lane.tell(lane.event(document_id=str(document.id)))
        lane.run()
        lane.account = attacked
        lane.subscribe(receiver.url + "/good")
        [delivery_id] = lane.tell()
        lane.run()
    assert lane.delivery(delivery_id).status == "delivered"
    names = [row.name.partition(":")[0] for row in lane.services.circuits.troubled()]
    assert sorted(names) == ["callbacks", "webhook", "webhook"]


def test_a_host_that_is_not_there_is_left_alone_for_all(lane: WebhookLane) -> None:
    with Receiver(answer()) as receiver:
        lane.subscribe(receiver.url + "/one")
    lane.tell(*(lane.event() for _ in range(FAILURES)))
    lane.run()
    lane.account = lane.new_account()
    lane.subscribe(receiver.url + "/another")
    [delivery_id] = lane.tell()
    lane.run()
    assert (lane.attempts(delivery_id), lane.job(delivery_id).error_code) == ([], "circuit_open")


def test_a_redirect_to_nowhere_says_nothing_of_the_host_that_redirects(lane: WebhookLane) -> None:
    with Receiver(answer()) as gone:
        pass
    with Receiver(answer(307, Location=gone.url)) as receiver:
        lane.subscribe(receiver.url)
        lane.tell(*(lane.event() for _ in range(FAILURES)))
        lane.run()
    assert [row.name.partition(":")[0] for row in lane.services.circuits.troubled()] == ["webhook"]


def test_a_webhook_with_another_url_is_called_at_once(lane: WebhookLane) -> None:
    with Receiver(answer(500)) as wrong, Receiver(answer()) as right:
        webhook = lane.subscribe(wrong.url).webhook
        lane.tell(*(lane.event() for _ in range(FAILURES)))
        lane.run()
        lane.services.webhooks.update(lane.account, webhook.id, WebhookChange(url=right.url))
        lane.run()
        assert len(right.requests) == FAILURES


# --- one account among others


def test_a_slow_receiver_of_one_account_holds_up_nobody_else(database_url: str, object_store: None) -> None:
    del object_store
    answered = Event()
    with webhook_lane(database_url, seconds=20) as lane, Receiver(hang(answered)) as slow, Receiver(answer()) as quick:
        functions, patient = AT_ONCE + 1, lane.new_account()
        lane.subscribe(slow.url)
        held = lane.tell(*(lane.event() for _ in range(3 * AT_ONCE)))
        lane.account = patient
        lane.subscribe(quick.url)
        [other] = lane.tell()
        # As the queue would: in this order, one message a function, and as many functions as there are at most.
        messages = dict.fromkeys(bodies(lane.services.database, DeliverWebhook))
        with ThreadPoolExecutor(functions) as threads:
            for message in messages:
                threads.submit(handler, sqs(message), LambdaContext())
            try:
                wait_until(lambda: lane.delivery(other).status == "delivered")
                assert len(slow.requests) == AT_ONCE
            finally:
                answered.set()
        put_off = [lane.job(one) for one in held if not lane.attempts(one)]
    assert len(put_off) == 2 * AT_ONCE
    # It counts as no attempt, and as no failure.
    assert {(job.status, job.attempt, job.first_failed_at) for job in put_off} == {("queued", 0, None)}
    assert all(timedelta(seconds=3) < job.queued_at - utcnow() < timedelta(seconds=7) for job in put_off)


@pytest.mark.parametrize(("waited", "least", "most"), [(0, 5, 7), (10 / 60, 60, 76), (25, 300, 376)])
def test_who_has_waited_for_long_asks_less_often(lane: WebhookLane, waited: float, least: float, most: float) -> None:
    lane.subscribe("https://example.com/")
    [delivery_id] = lane.tell()
    Rows(lane.services.database).change(Delivery, delivery_id, created_at=hours_ago(waited))
    places = Places(lane.services.database, AT_ONCE, 60)
    with ExitStack() as held:
        for _ in range(AT_ONCE):
            held.enter_context(places.hold(f"webhook:{lane.account}", 5))
        lane.run()
    waits = lane.job(delivery_id).queued_at - utcnow()
    assert timedelta(seconds=least - 2) < waits < timedelta(seconds=most)


def hours_ago(hours: float) -> datetime:
    return utcnow() - timedelta(hours=hours)


def test_an_answer_that_refuses_is_a_sign_of_life(lane: WebhookLane) -> None:
    with Receiver(answer(404)) as receiver:
        lane.subscribe(receiver.url)
        lane.tell(*(lane.event() for _ in range(FAILURES + 2)))
        lane.run()
        assert len(receiver.requests) == FAILURES + 2


def test_without_the_stacks_key_nothing_is_sent_and_nothing_lost(
    lane: WebhookLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver(answer()) as receiver:
        lane.subscribe(receiver.url)
        [delivery_id] = lane.tell()
        monkeypatch.setenv("SIGNING_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone")
        vars(lane.services).pop("signing_key")
        lane.run()
        assert receiver.connections == 0
        assert lane.job(delivery_id).status == "queued"


def test_what_is_under_way_goes_where_its_webhook_is_now(lane: WebhookLane) -> None:
    with Receiver(answer(500)) as wrong, Receiver(answer()) as right:
        webhook = lane.subscribe(wrong.url).webhook
        [delivery_id] = lane.tell()
        lane.run()
        lane.services.webhooks.update(lane.account, webhook.id, WebhookChange(url=right.url + "/hook"))
        lane.run()
        assert (len(wrong.requests), len(right.requests)) == (1, 1)
    delivery = lane.delivery(delivery_id)
    assert (delivery.status, delivery.url) == ("delivered", right.url + "/hook")
    assert [wrong.url in one.request_excerpt for one in lane.attempts(delivery_id)] == [True, False]
