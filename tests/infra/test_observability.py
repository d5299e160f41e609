"""The dashboard and the alarms, with everything there is to watch and with only what every stack has."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from shared.contracts import FLEETS
from shared.db.unit_of_work import MAX_DELAY
from shared.log import JsonFormatter
from shared.metrics import CHANNEL, FLEET, METRICS
from tests.infra.stacks import Stack
from tests.infra.test_alarms import CHANNELS
from tests.infra.watching import ALARM, DASHBOARD, named_by_alarms, named_by_dashboards, widgets

FILE = "infra/stacks/observability.yaml"
FUNCTIONS = (
    *("Api", "Ingest", "RelayOutbox", "PublishMetrics", "CreateKey"),
    *("SendEmail", "SendSms", "Notify", "DeliverWebhook", "RecordDeadLetter", "RecordFeedback", "RunSchedule"),
)
MESSAGES = ("Email", "BulkEmail", "Sms", "Notify", "Webhook", "Feedback")
QUEUES = ("Ingest", *MESSAGES)
BARE = {
    "StackLabel": "twolane",
    "ApiId": "api",
    "TopicsKeyId": "key",
    **{f"{name}QueueName": name for name in QUEUES},
    **{f"{name}DeadLettersName": f"{name}-dead" for name in QUEUES},
    **{f"{name}FunctionName": name for name in FUNCTIONS},
}
FULL = {
    **BARE,
    "AlertEmail": "ops@example.com",
    "ClusterName": "cluster",
    "DatabaseClusterId": "database",
    "BrokerId": "broker",
    "BrokerNodes": "2",
}
LEVEL = re.compile(r'"level":\s*"\w+"')
"""What an alarm's description quotes of a log line."""

OWN = {"AWS/RDS", "AWS/ElastiCache", "AWS/ECS"}


def observability(**given: str) -> Stack:
    """The stack, with what every one has unless more is given."""
    return Stack(FILE, {**BARE, **given})


def namespaces(stack: Stack) -> set[str]:
    """Whose metrics somebody looks at."""
    return {one.namespace for one in named_by_alarms(stack) + named_by_dashboards(stack)}


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    """Every alarm by name."""
    return {alarm.properties["AlarmName"]: alarm.properties for alarm in stack.all(ALARM)}


def test_what_a_stack_does_not_have_is_not_watched() -> None:
    assert not namespaces(observability()) & OWN
    assert observability().all("AWS::SNS::Subscription") == []


def test_what_an_alarm_says_to_look_for_is_what_the_log_writes() -> None:
    written = JsonFormatter().format(logging.makeLogRecord({"levelname": "ERROR"}))
    wanted = [found for one in alarms(observability()).values() for found in LEVEL.findall(one["AlarmDescription"])]
    assert wanted
    assert all(one in written for one in wanted)


def test_what_a_stack_has_is_watched() -> None:
    assert namespaces(observability(**FULL)) >= OWN
    [subscription] = observability(**FULL).all("AWS::SNS::Subscription")
    assert subscription.properties["Endpoint"] == "ops@example.com"


def test_without_a_replica_only_the_first_node_has_alarms() -> None:
    nodes = {name for name in alarms(observability(**{**FULL, "BrokerNodes": "1"})) if "broker" in name}
    assert nodes == {f"twolane-broker-first-{what}" for what in ("memory", "evictions", "cpu")}


@pytest.mark.parametrize(
    "metric", [metric for metric in METRICS if metric.dimensions == FLEET], ids=lambda one: one.name
)
def test_every_metric_of_fleets_is_shown_for_every_fleet(metric: Any) -> None:
    shown = {one.dimensions["Fleet"] for one in named_by_dashboards(observability()) if one.name == metric.name}
    assert shown == set(FLEETS)


@pytest.mark.parametrize(
    "metric", [metric for metric in METRICS if metric.dimensions == CHANNEL], ids=lambda one: one.name
)
def test_every_metric_of_channels_is_shown_for_every_channel(metric: Any) -> None:
    shown = {one.dimensions["Channel"] for one in named_by_dashboards(observability()) if one.name == metric.name}
    assert shown == set(CHANNELS)


def test_somebody_is_told_of_every_channel_that_fails() -> None:
    told = {one.dimensions["Channel"] for one in named_by_alarms(observability()) if one.name == "SendsFailed"}
    assert told == set(CHANNELS)


def test_somebody_is_told_of_every_queue_that_stands_still_and_of_dead_letters_that_stay() -> None:
    named = named_by_alarms(observability())
    waiting = {one.dimensions["QueueName"] for one in named if one.name == "ApproximateAgeOfOldestMessage"}
    assert waiting == set(QUEUES)
    staying = {one.dimensions["QueueName"] for one in named if one.name == "ApproximateNumberOfMessagesNotVisible"}
    assert staying == {f"{name}-dead" for name in QUEUES}


def test_a_message_that_was_told_to_wait_raises_no_alarm() -> None:
    for name, alarm in alarms(observability()).items():
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage" and "ingest" not in name:
            assert alarm["Threshold"] > MAX_DELAY.total_seconds()


@pytest.mark.parametrize("name", ["OldestQueuedSeconds", "UnattendedLoad"])
def test_somebody_is_told_of_every_fleet(name: str) -> None:
    assert {one.dimensions["Fleet"] for one in named_by_alarms(observability()) if one.name == name} == set(FLEETS)


def test_every_function_has_an_alarm_for_errors_and_one_for_throttles() -> None:
    watched = [(one.name, one.dimensions.get("FunctionName")) for one in named_by_alarms(observability())]
    assert {pair for pair in watched if pair[1]} == {
        (name, function) for name in ("Errors", "Throttles") for function in FUNCTIONS
    }


def test_every_alarm_says_in_whole_sentences_what_is_wrong_and_what_to_do() -> None:
    for name, alarm in alarms(observability(**FULL)).items():
        description = alarm["AlarmDescription"]
        assert len(re.findall(r"\.(?: |$)", description)) >= 2, name
        assert len(description) <= 1024, name


def test_a_silent_publisher_is_told_of_and_only_it_can_break_the_silence() -> None:
    silent = alarms(observability())["twolane-publisher-silent"]
    assert silent["TreatMissingData"] == "breaching"
    # Workers write Load too.
    assert silent["MetricName"] == "WorkersAlive"


def test_the_page_shows_the_alarms_it_has() -> None:
    stack = observability(**FULL)
    [page] = stack.all(DASHBOARD)
    [shown] = [widget["properties"]["alarms"] for widget in widgets(page) if widget["type"] == "alarm"]
    assert {arn.partition(":alarm:")[2] for arn in shown} <= {alarm.ref for alarm in stack.all(ALARM)}


@pytest.mark.parametrize(
    ("given", "last"), [(BARE, []), (FULL, ["## Database", "## Broker", "## Tasks"])], ids=["bare", "full"]
)
def test_the_page_tells_the_story_in_order(given: dict[str, str], last: list[str]) -> None:
    [page] = observability(**given).all(DASHBOARD)
    texts = [widget for widget in widgets(page) if widget["type"] == "text"]
    assert [widget["properties"]["markdown"].splitlines()[0] for widget in texts] == [
        *("# twolane", "## Requests", "## Uploads", "## Queues and fleets", "## Reading", "## Messages", "## Failures"),
        *("## Functions", "## What costs", *last),
    ]
    heights = [widget["y"] for widget in widgets(page)]
    assert heights == sorted(heights)
