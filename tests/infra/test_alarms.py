"""Alarms and dashboards: they watch what is there, and somebody hears of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.contracts import FLEETS
from shared.metrics import METRICS, NAMESPACE
from tests.infra.deployments import ALL, WHOLE, deployment, made_by, resources
from tests.infra.stacks import Resource, Stack
from tests.infra.watching import ALARM, DASHBOARD, OF_AWS, Named, named_by_alarms, named_by_dashboards, widgets

CHANNELS = ("email", "sms", "notification", "webhook")
"""What functions call themselves in the metrics of a channel."""

SCALING = "AWS::ApplicationAutoScaling::ScalingPolicy"
TOPIC = "AWS::SNS::Topic"


def everything_named(deployed: str) -> list[Named]:
    """Every metric that somebody looks at."""
    return named_by_alarms(deployment(deployed)) + named_by_dashboards(deployment(deployed))


def scales(deployed: str, alarm: Resource) -> bool:
    """Whether an alarm is part of the scaling."""
    return {made_by(deployed, action).kind for action in alarm.properties["AlarmActions"]} == {SCALING}


@pytest.mark.parametrize("deployed", ALL)
def test_every_metric_named_exists(deployed: str) -> None:
    named = everything_named(deployed)
    assert named
    assert [one for one in named if not one.exists] == []


@pytest.mark.parametrize("deployed", ALL)
def test_ones_own_metrics_are_those_of_this_stack_and_its_fleets(deployed: str) -> None:
    for one in everything_named(deployed):
        if one.namespace == NAMESPACE:
            assert one.dimensions["Stack"] in {"", "twolane"}, one
            assert one.dimensions.get("Fleet", "") in {"", *FLEETS}, one
            assert one.dimensions.get("Channel", "") in {"", *CHANNELS}, one


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_metric_that_is_emitted_is_looked_at(deployed: str) -> None:
    looked_at = {one.name for one in everything_named(deployed) if one.namespace == NAMESPACE}
    assert looked_at == {metric.name for metric in METRICS}


def test_no_metric_of_aws_is_listed_that_nobody_names() -> None:
    listed = {(namespace, name) for namespace, (_, names) in OF_AWS.items() for name in names}
    assert listed <= {(one.namespace, one.name) for one in everything_named("everything on")}


@pytest.mark.parametrize("deployed", ALL)
def test_every_alarm_says_what_it_means_and_what_silence_means(deployed: str) -> None:
    for alarm in resources(deployed, ALARM):
        assert alarm.properties["AlarmDescription"], alarm.path
        assert alarm.properties["TreatMissingData"] in {"breaching", "notBreaching", "ignore", "missing"}, alarm.path


@pytest.mark.parametrize("deployed", ALL)
def test_somebody_hears_of_every_alarm_that_is_not_for_scaling(deployed: str) -> None:
    heard = [alarm for alarm in resources(deployed, ALARM) if not scales(deployed, alarm)]
    assert heard
    for alarm in heard:
        assert {made_by(deployed, action).kind for action in alarm.properties["AlarmActions"]} == {TOPIC}, alarm.path


@pytest.mark.parametrize("deployed", ALL)
def test_a_publisher_that_is_silent_raises_an_alarm(deployed: str) -> None:
    """Scaling and every other alarm stand on it."""
    silent = [
        alarm
        for alarm in resources(deployed, ALARM)
        if alarm.properties["TreatMissingData"] == "breaching" and alarm.properties["Statistic"] == "SampleCount"
    ]
    assert silent


@pytest.mark.parametrize("deployed", WHOLE)
def test_silence_never_scales_in(deployed: str) -> None:
    for alarm in resources(deployed, ALARM):
        if scales(deployed, alarm):
            assert alarm.properties["TreatMissingData"] in {"missing", "notBreaching", "ignore"}


@pytest.mark.parametrize("deployed", ALL)
def test_cloudwatch_takes_the_periods_of_every_alarm(deployed: str) -> None:
    """Multiples of a minute, and no more than a day in all, where periods are shorter than an hour."""
    for alarm in resources(deployed, ALARM):
        if "Period" in alarm.properties:
            period, times = alarm.properties["Period"], alarm.properties["EvaluationPeriods"]
            assert period % 60 == 0
            assert period * times <= 86400
            assert alarm.properties.get("DatapointsToAlarm", times) <= times


@pytest.mark.parametrize("deployed", ALL)
def test_topics_take_messages_from_alarms_and_keep_them_encrypted(deployed: str) -> None:
    """CloudWatch may not use the key `alias/aws/sns`: an alarm to such a topic is lost."""
    for topic in resources(deployed, TOPIC):
        assert topic.properties["KmsMasterKeyId"] != "alias/aws/sns"


@pytest.mark.parametrize("deployed", ALL)
def test_widgets_overlap_nowhere_and_fit_the_grid(deployed: str) -> None:
    for dashboard in resources(deployed, DASHBOARD):
        taken: set[tuple[int, int]] = set()
        for widget in widgets(dashboard):
            cells = {
                (widget["x"] + right, widget["y"] + down)
                for right in range(widget["width"])
                for down in range(widget["height"])
            }
            assert not cells & taken, widget["properties"]
            assert widget["x"] + widget["width"] <= 24
            taken |= cells


def watching(**properties: Any) -> Stack:
    """A stack with one alarm."""
    alarm = {"Type": ALARM, "Properties": properties}
    return Stack("root.yaml", {}, made_of={"root.yaml": {"Resources": {"Alarm": alarm}}})


@pytest.mark.parametrize(
    ("namespace", "name", "dimensions", "exists"),
    [
        (NAMESPACE, "Load", ["Stack", "Fleet"], True),
        (NAMESPACE, "Load", ["Stack"], False),
        (NAMESPACE, "Lode", ["Stack", "Fleet"], False),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ["QueueName"], True),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ["Queue"], False),
        ("AWS/SQS", "MessagesVisible", ["QueueName"], False),
        ("AWS/Nothing", "Errors", ["FunctionName"], False),
    ],
)
def test_a_metric_is_known_by_namespace_name_and_dimensions(
    namespace: str, name: str, dimensions: list[str], *, exists: bool
) -> None:
    given = [{"Name": dimension, "Value": "x"} for dimension in dimensions]
    [found] = named_by_alarms(watching(Namespace=namespace, MetricName=name, Dimensions=given))
    assert found.exists is exists


def test_the_short_forms_of_dashboards_are_written_out() -> None:
    search = "SEARCH('{Twolane,Stack,Fleet} MetricName=\"InFlight\"', 'Maximum', 60)"
    rows = [
        ["Twolane", "Load", "Stack", "s", "Fleet", "ocr"],
        ["...", "reports", {"label": "r"}],
        [".", "Backlog", ".", ".", ".", "ocr"],
        [{"expression": search}],
        [{"expression": "SUM(METRICS())"}],
    ]
    body = json.dumps({"widgets": [{"type": "metric", "properties": {"title": "w", "metrics": rows}}]})
    dashboard = {"Type": DASHBOARD, "Properties": {"DashboardBody": body}}
    stack = Stack("root.yaml", {}, made_of={"root.yaml": {"Resources": {"D": dashboard}}})
    assert [(one.name, one.dimensions.get("Fleet")) for one in named_by_dashboards(stack)] == [
        ("Load", "ocr"),
        ("Load", "reports"),
        ("Backlog", "ocr"),
        ("InFlight", ""),
    ]
