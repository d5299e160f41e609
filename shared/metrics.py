"""Every metric of both lanes, and how it is written: CloudWatch's embedded metric format.

A line of JSON on standard output that carries `_aws` becomes metrics when it reaches CloudWatch Logs, from a function
as from a container with the plain log driver: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
The same line is a log line, so a job's costs no second one. What dashboard, alarms and scaling name is declared here.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

NAMESPACE = "Twolane"

log = logging.getLogger(__name__)
"""For lines that carry metrics; `shared.log` lets them pass at every `LOG_LEVEL`, as they are no matter of detail."""


class Unit(StrEnum):
    """CloudWatch's names of the units used here."""

    COUNT = "Count"
    SECONDS = "Seconds"


STACK = ("Stack",)
FLEET = ("Stack", "Fleet")
CHANNEL = ("Stack", "Channel")


@dataclass(frozen=True, slots=True)
class Metric:
    """A name, its unit and the dimensions it comes with: of a fleet, of a channel, or of the whole stack."""

    name: str
    unit: Unit
    dimensions: tuple[str, ...]


# --- from publish_metrics, every minute

BACKLOG = Metric("Backlog", Unit.COUNT, FLEET)
"""Messages that wait in the fleet's queues, of all priorities."""

IN_FLIGHT = Metric("InFlight", Unit.COUNT, FLEET)
"""Messages that workers have taken and not yet acknowledged, those that wait for a back-off to end included."""

LOAD = Metric("Load", Unit.COUNT, FLEET)
"""Backlog + InFlight: what the fleet has to do, and what its size follows. Workers write it too, with a job's metrics,
as they found it when they took the job: much may come and go within a minute."""

OLDEST_QUEUED_SECONDS = Metric("OldestQueuedSeconds", Unit.SECONDS, FLEET)
"""For how long the job that waits longest has been ready for a worker; 0 where none waits."""

WORKERS_ALIVE = Metric("WorkersAlive", Unit.COUNT, FLEET)
"""Workers that consume the fleet's queues and said so within the last minute."""

UNATTENDED_LOAD = Metric("UnattendedLoad", Unit.COUNT, FLEET)
"""The fleet's load where none of its workers is alive, otherwise 0: both were counted at the same moment."""

OUTBOX_AGE_SECONDS = Metric("OutboxAgeSeconds", Unit.SECONDS, STACK)
"""How long the oldest message or event that is due has waited for its carrier to take it; 0 where none does."""

DEAD_LETTERS = Metric("DeadLetters", Unit.COUNT, STACK)
"""Work that was given up although it was not at fault; see `shared.services.dead_letters`."""

# --- from workers, with every job

JOBS_SUCCEEDED = Metric("JobsSucceeded", Unit.COUNT, FLEET)
JOBS_FAILED = Metric("JobsFailed", Unit.COUNT, FLEET)
"""Jobs given up."""

JOBS_RETRIED = Metric("JobsRetried", Unit.COUNT, FLEET)
"""Attempts that failed and will be repeated."""

JOB_SECONDS = Metric("JobSeconds", Unit.SECONDS, FLEET)
"""How long an attempt took, whatever its end."""

PAGES_READ = Metric("PagesRead", Unit.COUNT, STACK)
"""Pages written into the ledger as read, with or without recognition."""

DOCUMENT_SECONDS = Metric("DocumentSeconds", Unit.SECONDS, STACK)
"""From the moment a document, or its retry, was accepted until it was closed."""

# --- from the functions that send, with every attempt; the channel is email, sms, notification or webhook

SENT = Metric("Sent", Unit.COUNT, CHANNEL)
"""Messages that their provider, or receiver, took."""

SENDS_FAILED = Metric("SendsFailed", Unit.COUNT, CHANNEL)
"""Messages given up."""

SENDS_RETRIED = Metric("SendsRetried", Unit.COUNT, CHANNEL)
"""Attempts that failed, or were put off, and will be repeated."""

ATTEMPTS = Metric("Attempts", Unit.COUNT, CHANNEL)
ATTEMPT_SECONDS = Metric("AttemptSeconds", Unit.SECONDS, CHANNEL)
"""How long an attempt took, whatever its end."""

SENT_SECONDS = Metric("SentSeconds", Unit.SECONDS, CHANNEL)
"""From the moment a message was accepted until it was sent."""

METRICS = (
    *(BACKLOG, IN_FLIGHT, LOAD, OLDEST_QUEUED_SECONDS, WORKERS_ALIVE, UNATTENDED_LOAD),
    *(OUTBOX_AGE_SECONDS, DEAD_LETTERS),
    *(JOBS_SUCCEEDED, JOBS_FAILED, JOBS_RETRIED, JOB_SECONDS),
    *(PAGES_READ, DOCUMENT_SECONDS),
    *(SENT, SENDS_FAILED, SENDS_RETRIED, ATTEMPTS, ATTEMPT_SECONDS, SENT_SECONDS),
)


def fields(
    values: Mapping[Metric, float], *, stack: str, fleet: str | None = None, channel: str | None = None
) -> dict[str, Any]:
    """Return what a JSON line must hold at its root to be metrics too.

    Args:
        values: at least one.
        stack: `STACK_NAME`.
        fleet: whose; needed where a metric has that dimension.
        channel: which; likewise.
    """
    line: dict[str, Any] = {
        "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": _directives(tuple(values))},
        "Stack": stack,
    }
    if fleet is not None:
        line["Fleet"] = fleet
    if channel is not None:
        line["Channel"] = channel
    line.update((metric.name, value) for metric, value in values.items())
    return line


def write(values: Mapping[Metric, float], *, stack: str, fleet: str | None = None, channel: str | None = None) -> None:
    """Write one line of metrics to standard output."""
    write_line(fields(values, stack=stack, fleet=fleet, channel=channel))


def write_line(line: Mapping[str, Any]) -> None:
    """Write a line that holds `fields`, and whatever else is to be read beside them."""
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


@lru_cache
def _directives(metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Name the metrics, those with the same dimensions together. A process uses few combinations, again and again."""
    return [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [
                {"Name": metric.name, "Unit": metric.unit.value}
                for metric in metrics
                if metric.dimensions == dimensions
            ],
        }
        for dimensions in dict.fromkeys(metric.dimensions for metric in metrics)
    ]
