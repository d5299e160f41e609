"""The queues of the light lane: moto's SQS, and endpoints that misbehave."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from shared.adapters import queues as queues_module
from shared.adapters.queues import Queues
from shared.db.unit_of_work import Message
from shared.errors import QueueUnavailable, Throttled
from shared.models import utcnow
from tests.integration.shared.aws import point_at
from tests.support.aws_endpoint import HANG_UP, SILENCE, AwsEndpoint, Json, Reply, error

NOWHERE = "https://sqs.us-east-1.amazonaws.com/123456789012/gone"


@pytest.fixture
def urls(object_store: None) -> dict[str, str]:
    """Two queues of moto's."""
    del object_store
    sqs = boto3.client("sqs")
    return {name: sqs.create_queue(QueueName=f"{name}-{uuid4().hex}")["QueueUrl"] for name in ("email", "webhook")}


def message(queue: str = "email", *, wait: float = 0, **columns: Any) -> Message:
    """A message that may run in so many seconds."""
    given: dict[str, Any] = {
        "task_id": uuid4(),
        "job_id": uuid4(),
        "name": "email.send",
        "payload": {"message_id": str(uuid4())},
    }
    return Message(**(given | columns), queue=queue, priority=5, available_at=utcnow() + timedelta(seconds=wait))


def received(url: str) -> list[Json]:
    """Every message of a queue, as SQS gives it."""
    found: list[Any] = []
    while answer := boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += answer
    return found


def taken_all(_: str, asked: Json) -> Reply:
    """SQS on a good day."""
    done = [{"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": ""} for entry in asked["Entries"]]
    return Reply(body={"Successful": done, "Failed": []})


def local(endpoint: AwsEndpoint, *names: str) -> Queues:
    """Queues at an endpoint of ours."""
    return Queues({name: f"{endpoint.url}/123456789012/{name}" for name in names})


def ids(messages: list[Message]) -> set[UUID]:
    return {one.task_id for one in messages}


def test_more_than_a_batch_reaches_each_queue(urls: dict[str, str]) -> None:
    sent = [message(queue) for queue in ("email", "webhook") for _ in range(23)]
    assert set(Queues(urls).publish(sent)) == ids(sent)
    for queue, url in urls.items():
        said = {json.loads(one["Body"])["job_id"] for one in received(url)}
        assert said == {str(one.job_id) for one in sent if one.queue == queue}


def test_a_message_names_its_job_and_carries_ids(urls: dict[str, str]) -> None:
    sent = message(correlation_id="request-1")
    Queues(urls).publish([sent])
    [one] = received(urls["email"])
    assert json.loads(one["Body"]) == {
        "job_id": str(sent.job_id),
        "name": "email.send",
        "payload": sent.payload,
        "correlation_id": "request-1",
    }


def test_a_queue_that_is_gone_is_not_in_the_way_of_another(urls: dict[str, str]) -> None:
    sent = [message("sms"), message("webhook"), message("sms")]
    assert Queues({"sms": NOWHERE, **urls}).publish(sent) == [sent[1].task_id]


def test_a_queue_this_process_does_not_know_is_left_to_the_relay(urls: dict[str, str]) -> None:
    sent = [message("sms"), message("email")]
    assert Queues(urls).publish(sent) == [sent[1].task_id]


def test_of_a_batch_only_what_was_taken_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, asked: Json) -> Reply:
        body = taken_all(operation, asked).body
        assert isinstance(body, dict)
        refused = body["Successful"].pop(0)
        body["Failed"] = [{"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}]
        return Reply(body=body)

    with AwsEndpoint(answer) as endpoint:
        point_at(monkeypatch, endpoint)
        sent = [message() for _ in range(15)]
        assert set(local(endpoint, "email").publish(sent)) == ids(sent) - {sent[0].task_id, sent[10].task_id}


@pytest.mark.parametrize(
    "reply",
    [error("ThrottlingException"), error("InternalError", 500), Reply(200, "<html>"), Reply(503, ""), HANG_UP],
    ids=["throttled", "broken", "garbage", "gateway", "hung up"],
)
def test_whatever_a_queue_answers_the_others_are_asked(monkeypatch: pytest.MonkeyPatch, reply: Reply | str) -> None:
    def answer(operation: str, asked: Json) -> Reply | str:
        return reply if asked["QueueUrl"].endswith("email") else taken_all(operation, asked)

    with AwsEndpoint(answer) as endpoint:
        point_at(monkeypatch, endpoint)
        sent = [message("email"), message("webhook")]
        assert local(endpoint, "email", "webhook").publish(sent) == [sent[1].task_id]
        assert len(endpoint.asked) <= queues_module.ATTEMPTS + 1


def test_silence_is_borne_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues_module, "SECONDS", 0.4)
    monkeypatch.setattr(queues_module, "PATIENCE_SECONDS", 0.6)
    with AwsEndpoint(lambda *_: SILENCE) as endpoint:
        point_at(monkeypatch, endpoint)
        names = ("email", "bulk_email", "sms", "notify", "webhook")
        sent = [message(name) for name in names for _ in range(30)]
        began = time.monotonic()
        assert local(endpoint, *names).publish(sent) == []
        assert time.monotonic() - began < 4
        # One queue is asked, twice, then time is up.
        assert {asked["QueueUrl"].rpartition("/")[2] for _, asked in endpoint.asked} == {"email"}
        assert len(endpoint.asked) == queues_module.ATTEMPTS


def test_a_queue_that_nobody_serves_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsEndpoint(taken_all) as endpoint:
        gone = endpoint.url
    point_at(monkeypatch, gone)
    assert Queues({"email": f"{gone}/1/email"}).publish([message()]) == []


def test_without_a_region_nothing_is_taken_and_nothing_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert Queues({"email": NOWHERE}).publish([message()]) == []


def test_delays_are_whole_seconds_rounded_up_and_what_sqs_takes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsEndpoint(taken_all) as endpoint:
        point_at(monkeypatch, endpoint)
        local(endpoint, "email").publish([message(wait=wait) for wait in (-3600, 0, 1.5, 10.9, 899.5, 900, 5000)])
        [(_, asked)] = endpoint.asked
    assert [entry["DelaySeconds"] for entry in asked["Entries"]] == [0, 0, 2, 11, 900, 900, 900]


def test_the_trace_goes_with_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    with AwsEndpoint(taken_all) as endpoint:
        point_at(monkeypatch, endpoint)
        local(endpoint, "email").publish([message()])
        [(_, asked)] = endpoint.asked
    header = asked["Entries"][0]["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"]
    assert header == "Root=1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(error("QueueDoesNotExist"), QueueUnavailable), (error("KmsThrottled"), Throttled), (HANG_UP, QueueUnavailable)],
)
def test_a_body_that_is_not_taken_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, reply: Reply | str, expected: type[Exception]
) -> None:
    with AwsEndpoint(lambda *_: reply) as endpoint:
        point_at(monkeypatch, endpoint)
        with pytest.raises(expected):
            local(endpoint, "ingest").send_body("ingest", "{}")
