"""The event bus: moto's EventBridge with a queue behind it, and endpoints that misbehave."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from shared.adapters import bus as bus_module
from shared.adapters.bus import Bus
from shared.models import EventRow, utcnow
from tests.integration.shared.aws import point_at
from tests.support.aws_endpoint import HANG_UP, SILENCE, AwsEndpoint, Json, Reply, error


def event(**columns: Any) -> EventRow:
    """An event that has just happened."""
    data = {"document_id": str(uuid4()), "filename": "Grüße.pdf"}
    given = {"id": uuid4(), "account_id": uuid4(), "type": "document.completed", "version": 1, "subject": uuid4()}
    return EventRow(**({"data": data, "occurred_at": utcnow()} | given | columns))


def put_all(_: str, asked: Json) -> Reply:
    """EventBridge on a good day."""
    return Reply(body={"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid4())} for _ in asked["Entries"]]})


def ids(events: list[EventRow]) -> list[UUID]:
    return [one.id for one in events]


def test_a_rule_on_the_bus_gets_the_envelope(object_store: None) -> None:
    del object_store
    name, sqs, events = uuid4().hex, boto3.client("sqs"), boto3.client("events")
    events.create_event_bus(Name=name)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["twolane"], "detail-type": ["document.completed"]}
    events.put_rule(Name="mine", EventBusName=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule="mine", EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    told, other = event(), event(type="document.failed")
    assert Bus(name).publish([told, other]) == ids([told, other])
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    body = json.loads(message["Body"])
    assert (body["source"], body["detail-type"]) == ("twolane", "document.completed")
    assert body["detail"] == {
        "id": str(told.id),
        "type": "document.completed",
        "version": 1,
        "occurred_at": told.occurred_at.isoformat().replace("+00:00", "Z"),
        "account_id": str(told.account_id),
        "data": told.data,
    }


def test_more_than_a_batch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsEndpoint(put_all) as endpoint:
        point_at(monkeypatch, endpoint)
        events = [event() for _ in range(23)]
        assert Bus("twolane").publish(events) == ids(events)
        assert [len(asked["Entries"]) for _, asked in endpoint.asked] == [10, 10, 3]
        assert {entry["EventBusName"] for _, asked in endpoint.asked for entry in asked["Entries"]} == {"twolane"}


def test_a_batch_of_large_events_is_as_small_as_the_bus_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    with AwsEndpoint(put_all) as endpoint:
        point_at(monkeypatch, endpoint)
        events = [event(data={"metadata": {"text": "ü" * 30_000}}) for _ in range(8)]
        assert Bus("twolane").publish(events) == ids(events)
        for _, asked in endpoint.asked:
            assert sum(len(entry["Detail"].encode()) for entry in asked["Entries"]) < 256_000
        assert [len(asked["Entries"]) for _, asked in endpoint.asked] == [3, 3, 2]


def test_of_a_batch_only_what_was_taken_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, asked: Json) -> Reply:
        body = put_all(operation, asked).body
        assert isinstance(body, dict)
        body["Entries"][1] = {"ErrorCode": "ThrottlingException", "ErrorMessage": "as the test wants it"}
        return Reply(body=body)

    with AwsEndpoint(answer) as endpoint:
        point_at(monkeypatch, endpoint)
        events = [event() for _ in range(3)]
        assert Bus("twolane").publish(events) == ids([events[0], events[2]])


@pytest.mark.parametrize(
    "reply",
    [
        error("ResourceNotFoundException"),
        error("ThrottlingException"),
        error("InternalException", 500),
        Reply(200, "<html>"),
        HANG_UP,
    ],
)
def test_what_the_bus_took_before_it_failed_counts(monkeypatch: pytest.MonkeyPatch, reply: Reply | str) -> None:
    def answer(operation: str, asked: Json) -> Reply | str:
        return put_all(operation, asked) if len(endpoint.asked) == 1 else reply

    with AwsEndpoint(answer) as endpoint:
        point_at(monkeypatch, endpoint)
        events = [event() for _ in range(30)]
        assert Bus("twolane").publish(events) == ids(events[:10])


def test_silence_is_borne_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "SECONDS", 0.4)
    with AwsEndpoint(lambda *_: SILENCE) as endpoint:
        point_at(monkeypatch, endpoint)
        began = time.monotonic()
        assert Bus("twolane").publish([event() for _ in range(30)]) == []
        assert time.monotonic() - began < 3


def test_a_slow_bus_is_asked_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "PATIENCE_SECONDS", -1)
    with AwsEndpoint(put_all) as endpoint:
        point_at(monkeypatch, endpoint)
        assert Bus("twolane").publish([event()]) == []
        assert endpoint.asked == []
