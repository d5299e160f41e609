"""Which metrics alarms and dashboards name, and which there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.metrics import METRICS, NAMESPACE
from tests.infra.stacks import Resource, Stack

Dimensions = frozenset[str]

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"

OF_AWS: dict[str, tuple[Dimensions, frozenset[str]]] = {
    "AWS/SQS": (
        frozenset({"QueueName"}),
        frozenset(
            {
                "ApproximateNumberOfMessagesVisible",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateAgeOfOldestMessage",
                "NumberOfMessagesSent",
            }
        ),
    ),
    "AWS/Lambda": (
        frozenset({"FunctionName"}),
        frozenset({"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"}),
    ),
    "AWS/ApiGateway": (frozenset({"ApiId"}), frozenset({"Count", "4xx", "5xx", "Latency"})),
    "AWS/RDS": (
        frozenset({"DBClusterIdentifier"}),
        frozenset({"ServerlessDatabaseCapacity", "ACUUtilization", "DatabaseConnections", "CommitLatency"}),
    ),
    "AWS/ElastiCache": (
        frozenset({"CacheClusterId"}),
        frozenset({"DatabaseMemoryUsagePercentage", "EngineCPUUtilization", "CurrConnections", "Evictions"}),
    ),
    "AWS/ECS": (frozenset({"ClusterName", "ServiceName"}), frozenset({"CPUUtilization", "MemoryUtilization"})),
    # Of the whole account.
    "AWS/Logs": (frozenset(), frozenset({"IncomingBytes"})),
}
"""The metrics of AWS' own that are used here, with the dimensions they come with, from each service's user guide."""


@dataclass(frozen=True, slots=True)
class Named:
    """A metric where it is named.

    Attributes:
        where: by which alarm or widget.
        namespace: of the metric.
        name: of the metric.
        dimensions: names and values; of a search, which knows no values, names alone.
    """

    where: str
    namespace: str
    name: str
    dimensions: Mapping[str, str]

    @property
    def exists(self) -> bool:
        """Whether there is such a metric with such dimensions."""
        names = frozenset(self.dimensions)
        if self.namespace == NAMESPACE:
            return any((metric.name, frozenset(metric.dimensions)) == (self.name, names) for metric in METRICS)
        dimensions, known = OF_AWS.get(self.namespace, (None, frozenset()))
        return self.name in known and names == dimensions


def named_by_alarms(stack: Stack) -> list[Named]:
    """Every metric that an alarm watches."""
    return [one for alarm in stack.all(ALARM) for one in _of_alarm(alarm)]


def named_by_dashboards(stack: Stack) -> list[Named]:
    """Every metric that a widget shows."""
    return [
        one
        for dashboard in stack.all(DASHBOARD)
        for widget in widgets(dashboard)
        for one in _of_widget(widget["properties"].get("title", widget["type"]), widget["properties"])
    ]


def widgets(dashboard: Resource) -> list[dict[str, Any]]:
    """What is on a dashboard."""
    body: dict[str, Any] = json.loads(dashboard.properties["DashboardBody"])
    found: list[dict[str, Any]] = body["widgets"]
    return found


def _of_alarm(alarm: Resource) -> Iterator[Named]:
    given = alarm.properties
    if "MetricName" in given:
        yield Named(alarm.path, given["Namespace"], given["MetricName"], _pairs(given.get("Dimensions", [])))
    for query in given.get("Metrics", []):
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            yield Named(alarm.path, metric["Namespace"], metric["MetricName"], _pairs(metric.get("Dimensions", [])))
        else:
            yield from _searched(alarm.path, query["Expression"])


def _pairs(dimensions: list[dict[str, str]]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in dimensions}


def _of_widget(where: str, properties: Mapping[str, Any]) -> Iterator[Named]:
    """Rows are `[namespace, metric, dimension, value, ..., {options}]`; dots stand for the row above."""
    above: list[str] = []
    for row in properties.get("metrics", []):
        options = row[-1] if isinstance(row[-1], dict) else {}
        if "expression" in options:
            yield from _searched(where, options["expression"])
            continue
        above = _written_out([part for part in row if not isinstance(part, dict)], above)
        yield Named(where, above[0], above[1], dict(zip(above[2::2], above[3::2], strict=True)))


def _written_out(row: list[str], above: list[str]) -> list[str]:
    if row[0] == "...":
        rest = row[1:]
        return above[: len(above) - len(rest)] + rest
    return [above[at] if part == "." else part for at, part in enumerate(row)]


def _searched(where: str, expression: str) -> Iterator[Named]:
    """What a `SEARCH('{Namespace,Dimension,...} MetricName="..."')` looks for; other mathematics names no metric."""
    for scheme, terms in re.findall(r"\{([^}]*)\}([^']*)'", expression):
        namespace, *dimensions = (part.strip(' "') for part in scheme.split(","))
        for name in re.findall(r'MetricName="?(\w+)"?', terms):
            yield Named(where, namespace, name, dict.fromkeys(dimensions, ""))
