"""What a stack costs in a month in which nothing happens, for each preset of `samconfig.toml`.

Sizes come from the template's parameters, numbers of things from counting the templates' resources. What is paid for by
the GB is left out: storage, logs, and flow logs where they are written.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from infra.scaling import prices
from infra.scaling.cost import function_gb, lambda_runs
from infra.scaling.policy import FRONT, load
from shared.contracts import FLEETS
from shared.metrics import FLEET, METRICS, PAGES_READ

PROJECT: Final = Path(__file__).parents[2]
ZONES: Final = 2
WAKING_SECONDS: Final = 15
"""How long Aurora says that a resume takes."""

INSIGHTS_CLUSTER: Final = 3
INSIGHTS_SERVICE: Final = 5
INSIGHTS_USE: Final = 10
"""Metrics of Container Insights (without enhanced observability), an estimate from CloudWatch's list of them.

Three of a cluster (instances, services, tasks); five of each service (deployments, task sets, tasks that are desired,
pending and running); ten of what tasks use (CPU, memory and disk, reserved and used; bytes of network and storage, in
and out), counted for the cluster and for each service and task family of which a task runs.
"""

POLLERS: Final = 5
POLL_SECONDS: Final = 20
"""How Lambda asks an empty queue: so many questions at once, each of which waits so long for a message."""

OF_WORKERS: Final = {"WorkersUseEndpoints", "HasTextractEndpoint"}
"""Conditions of endpoints that are there for workers alone."""

DAY_SECONDS: Final = 24 * 3600

COUNTED_SECONDS: Final = 0.3
"""How long a run of a function takes that a schedule starts every minute."""


def defaults() -> dict[str, str]:
    """The front template's parameters, as it is deployed without a preset."""
    parameters: Mapping[str, Any] = load(FRONT)["Parameters"]
    return {name: str(made.get("Default", "")) for name, made in parameters.items()}


def presets() -> dict[str, dict[str, str]]:
    """The parameters of each preset of `samconfig.toml`, those it leaves alone at the template's defaults."""
    config = tomllib.loads((PROJECT / "samconfig.toml").read_text(encoding="utf-8"))
    given = {
        name: _overrides(section.get("deploy", {}).get("parameters", {}).get("parameter_overrides", ""))
        for name, section in config.items()
        if isinstance(section, dict)
    }
    return {name: defaults() | values for name, values in given.items() if values}


def _overrides(written: str | list[str]) -> dict[str, str]:
    """`parameter_overrides`, which SAM takes as a string or a list of `Name=value`."""
    pairs = shlex.split(written) if isinstance(written, str) else written
    return {name: value.strip('"') for name, _, value in (pair.partition("=") for pair in pairs)}


def monthly(parameters: Mapping[str, str]) -> dict[str, float]:
    """Dollars a month by what they are for, without what is paid by the GB and free tiers, with nothing to do.

    Args:
        parameters: of the front template; all of them.

    Raises:
        KeyError: a parameter is missing, or there is no price for the node type.
    """
    month = prices.HOURS_A_MONTH
    acus = float(parameters["DatabaseMinCapacity"]) * int(parameters["DatabaseInstances"])
    nodes = int(parameters["BrokerNodes"])
    tasks = float(parameters["OcrMinTasks"]) * prices.task_hour(
        float(parameters["OcrTaskCpu"]) / 1024,
        float(parameters["OcrTaskMemory"]) / 1024,
        parameters["WorkerArchitecture"],
    )
    return {
        "Aurora, at its least capacity": acus * prices.AURORA_ACU_HOUR * month,
        "Aurora, woken now and then": _wakes(parameters) * prices.AURORA_ACU_HOUR,
        "Valkey nodes": nodes * prices.VALKEY_NODE_HOUR[parameters["BrokerNodeType"]] * month,
        "NAT gateways and their addresses": int(parameters["NatGateways"])
        * (prices.NAT_GATEWAY_HOUR + prices.PUBLIC_IPV4_HOUR)
        * month,
        "interface endpoints": endpoint_zones(parameters) * prices.ENDPOINT_ZONE_HOUR * month,
        "tasks that always run": tasks * month,
        "metrics": metrics() * prices.METRIC_MONTH,
        "Container Insights, an estimate": insights(parameters) * prices.METRIC_MONTH,
        "alarms": count("AWS::CloudWatch::Alarm") * prices.ALARM_MONTH,
        "dashboard": count("AWS::CloudWatch::Dashboard") * prices.DASHBOARD_MONTH,
        "secrets and keys": count("AWS::SecretsManager::Secret") * prices.SECRET_MONTH
        + count("AWS::KMS::Key") * prices.KMS_KEY_MONTH,
        "functions every minute": _scheduled(),
        "queues asked for messages": queues_asked(parameters) * prices.SQS_REQUEST,
        "SnapStart's snapshot": _snapshot() if parameters["SnapStart"] == "On" else 0.0,
    }


def _wakes(parameters: Mapping[str, str]) -> float:
    """ACU-hours of a database that may pause, for looks that the schedules take when the doze is over, and for `prune`.

    That one comes once a day. Each keeps it awake until it pauses again. It is taken to run at one ACU meanwhile, twice
    the least.
    """
    doze = int(parameters["DatabaseDozeSeconds"])
    if float(parameters["DatabaseMinCapacity"]) > 0 or not doze:
        return 0.0
    looks = prices.MONTH_SECONDS / doze + prices.MONTH_SECONDS / DAY_SECONDS
    return looks * (int(parameters["DatabasePauseSeconds"]) + WAKING_SECONDS) / 3600


def endpoint_zones(parameters: Mapping[str, str]) -> int:
    """Interface endpoints times zones: all in both where workers leave by them.

    Else that of the functions in one, or none where they leave by a NAT gateway.
    """
    endpoints = [
        made
        for made in load(PROJECT / "infra/stacks/network.yaml")["Resources"].values()
        if made["Type"] == "AWS::EC2::VPCEndpoint" and made["Properties"].get("VpcEndpointType") == "Interface"
    ]
    textract = sum(made["Condition"] == "HasTextractEndpoint" for made in endpoints)
    of_functions = sum(made["Condition"] not in OF_WORKERS for made in endpoints)
    if parameters["WorkerEgress"] == "endpoints":
        return (len(endpoints) - (0 if parameters["TextractEnabled"] == "true" else textract)) * ZONES
    return 0 if int(parameters["NatGateways"]) else of_functions


def queues_asked(parameters: Mapping[str, str]) -> float:
    """Questions a month to the queues that functions are fed from, dead letters' included.

    Those of messages to send are left alone where nothing can be sent.
    """
    sends = int(parameters["NatGateways"]) > 0
    functions = (made for made in load(FRONT)["Resources"].values() if made["Type"] == "AWS::Serverless::Function")
    events = (event for function in functions for event in function["Properties"].get("Events", {}).values())
    fed: int = sum(event["Type"] == "SQS" and (sends or "Enabled" not in event["Properties"]) for event in events)
    return fed * POLLERS * prices.MONTH_SECONDS / POLL_SECONDS


def metrics() -> int:
    """Custom metrics that are written while nothing happens: those of `publish_metrics`, by fleet or once."""
    published = METRICS[: METRICS.index(PAGES_READ)]
    quiet = [metric for metric in published if not metric.name.startswith("Job")]
    return sum(len(FLEETS) if metric.dimensions == FLEET else 1 for metric in quiet)


def insights(parameters: Mapping[str, str]) -> int:
    """Custom metrics that Container Insights writes while no task runs but those of `OcrMinTasks`."""
    if parameters["ContainerInsights"] != "enabled":
        return 0
    # The cluster, the service and the task family of the only fleet that has tasks.
    used_by = 3 if int(parameters["OcrMinTasks"]) else 0
    return INSIGHTS_CLUSTER + INSIGHTS_SERVICE * len(FLEETS) + INSIGHTS_USE * used_by


def count(kind: str) -> int:
    """Resources of a type in all templates; a fleet's count for each fleet."""
    stacks = [FRONT, *sorted((PROJECT / "infra/stacks").glob("*.yaml"))]
    return sum(
        (len(FLEETS) if stack.name == "fleet.yaml" else 1)
        for stack in stacks
        for made in load(stack)["Resources"].values()
        if made["Type"] == kind
    )


def _scheduled() -> float:
    """`relay_outbox` and `publish_metrics`, traced."""
    runs = 2 * prices.MONTH_SECONDS / 60
    return lambda_runs(runs, runs * COUNTED_SECONDS) + runs * prices.TRACE


def _snapshot() -> float:
    """One version of the API."""
    return function_gb() * prices.SNAPSTART_CACHE_GB_SECOND * prices.MONTH_SECONDS


def table() -> Table:
    """A column a preset, a row what is paid for."""
    found = {name: monthly(parameters) for name, parameters in presets().items()}
    drawn = Table(
        title=f"Idle, dollars a month, {prices.REGION}, prices of {prices.AS_OF}",
        title_justify="left",
        caption="By the GB on top: S3 and Aurora storage, images, logs, and flow logs where they are written.",
        caption_justify="left",
    )
    drawn.add_column("")
    for name in found:
        drawn.add_column(name, justify="right")
    for what in next(iter(found.values()), {}):
        drawn.add_row(what, *(f"{costs[what]:,.2f}" for costs in found.values()))
    drawn.add_section()
    drawn.add_row("together", *(f"{sum(costs.values()):,.2f}" for costs in found.values()), style="bold")
    return drawn
