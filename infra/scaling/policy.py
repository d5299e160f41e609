"""The scaling of a fleet as its template says it: alarms, and the steps each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import yaml

FLEET = Path(__file__).parents[1] / "stacks/fleet.yaml"
FRONT = Path(__file__).parents[2] / "template.yaml"

Resource = Mapping[str, Any]


class PolicyError(ValueError):
    """The template scales in a way that is not understood here, or that AWS would refuse."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do where the metric lies `lower` (included) to `upper` (not included) above the alarm's threshold."""

    lower: float
    upper: float
    adjustment: int


@dataclass(frozen=True, slots=True)
class StepPolicy:
    """One step scaling policy.

    Attributes:
        adjustment_type: `ExactCapacity`, `ChangeInCapacity` or `PercentChangeInCapacity`.
        cooldown: seconds after an activity in which nothing is scaled in.
        steps: by their lower bounds.
    """

    adjustment_type: str
    cooldown: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm and the policy it invokes, in CloudWatch's own words."""

    name: str
    metric: str
    statistic: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    comparison: str
    threshold: float
    treat_missing: str
    policy: StepPolicy


@dataclass(frozen=True, slots=True)
class Scaling:
    """All that scales a fleet. The limits are parameters of the template and not part of it."""

    alarms: tuple[Alarm, ...]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref Name`) as their long ones (`{"Ref": "Name"}`)."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)  # type: ignore[arg-type]  # of the three kinds of node the one left
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def load(path: Path = FLEET) -> dict[str, Any]:
    """A CloudFormation template as plain data."""
    made: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader's child
    return made


def read(template: Mapping[str, Any] | None = None) -> Scaling:
    """What scales a fleet.

    Args:
        template: as `load` returns it; the fleet's own unless given.

    Raises:
        PolicyError: an alarm points to no step policy, or the steps overlap or leave a gap.
    """
    resources: Mapping[str, Resource] = (template or load())["Resources"]
    policies = {name: _policy(name, made["Properties"]) for name, made in _of(resources, "ScalingPolicy")}
    alarms = tuple(_alarm(name, made["Properties"], policies) for name, made in _of(resources, "Alarm"))
    if not alarms or not policies:
        message = "The template has no scaling policy, or no alarm that invokes one."
        raise PolicyError(message)
    return Scaling(alarms)


def _of(resources: Mapping[str, Resource], kind: str) -> list[tuple[str, Resource]]:
    return [(name, made) for name, made in resources.items() if made["Type"].endswith(f"::{kind}")]


def _policy(name: str, properties: Resource) -> StepPolicy:
    configuration = properties["StepScalingPolicyConfiguration"]
    steps = tuple(
        sorted(
            (
                Step(
                    float(step.get("MetricIntervalLowerBound", -inf)),
                    float(step.get("MetricIntervalUpperBound", inf)),
                    int(step["ScalingAdjustment"]),
                )
                for step in configuration["StepAdjustments"]
            ),
            key=lambda step: step.lower,
        )
    )
    for one, following in pairwise(steps):
        if one.upper != following.lower:
            message = (
                f"{name}: the step up to {one.upper:g} and the one from {following.lower:g} overlap or leave a gap."
            )
            raise PolicyError(message)
    return StepPolicy(configuration["AdjustmentType"], int(configuration["Cooldown"]), steps)


def _alarm(name: str, properties: Resource, policies: Mapping[str, StepPolicy]) -> Alarm:
    actions = [action.get("Ref") for action in properties["AlarmActions"]]
    if len(actions) != 1 or actions[0] not in policies:
        message = f"{name}: its one action has to be a scaling policy of the same template, not {actions}."
        raise PolicyError(message)
    periods = int(properties["EvaluationPeriods"])
    return Alarm(
        name=name,
        metric=properties["MetricName"],
        statistic=properties["Statistic"],
        period=int(properties["Period"]),
        evaluation_periods=periods,
        datapoints_to_alarm=int(properties.get("DatapointsToAlarm", periods)),
        comparison=properties["ComparisonOperator"],
        threshold=float(properties["Threshold"]),
        treat_missing=properties.get("TreatMissingData", "missing"),
        policy=policies[actions[0]],
    )
