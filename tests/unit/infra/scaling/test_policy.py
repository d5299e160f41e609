"""The policy is the deployed one, and what AWS would refuse is refused."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest

from infra.scaling.autoscaling import capacity
from infra.scaling.policy import PolicyError, Scaling, StepPolicy, load, read
from tests.unit.infra.scaling.changed import steps_of


@pytest.fixture
def template() -> dict[str, Any]:
    """The fleet's template, to be changed."""
    return deepcopy(load())


def policy(scaling: Scaling, alarm: str) -> StepPolicy:
    return next(found.policy for found in scaling.alarms if found.name == alarm)


def test_short_forms_are_read_as_long_ones() -> None:
    target = load()["Resources"]["ScalableTarget"]["Properties"]
    assert target["MaxCapacity"] == {"Ref": "MaxTasks"}
    assert target["ResourceId"] == {"Fn::Sub": "service/${ClusterName}/${Service.Name}"}


def test_both_alarms_are_read_with_their_policies() -> None:
    quiet, busy = sorted(read().alarms, key=lambda alarm: alarm.name, reverse=True)
    assert (quiet.name, quiet.period, quiet.evaluation_periods, quiet.treat_missing) == (
        "QuietAlarm",
        60,
        10,
        "notBreaching",
    )
    assert (busy.name, busy.period, busy.statistic, busy.treat_missing) == ("LoadAlarm", 600, "Maximum", "missing")
    assert [step.adjustment for step in quiet.policy.steps] == [0]


def test_more_load_is_never_fewer_tasks_and_a_few_jobs_are_as_many_workers() -> None:
    deployed = policy(read(), "LoadAlarm")
    sizes = [capacity(deployed, 0, load - 1) for load in range(1, 10_000)]
    assert all(one <= following for one, following in pairwise(sizes))
    assert sizes[:3] == [1, 2, 3]
    # Work in hand alone keeps the tasks that have it; see the template.
    assert all(size >= load / 2.5 for load, size in enumerate(sizes[:60], 1))


def test_no_policy_has_more_steps_than_are_granted() -> None:
    assert all(len(alarm.policy.steps) <= 20 for alarm in read().alarms)


@pytest.mark.parametrize(("load", "tasks"), [(1, 1), (4, 3), (5, 4), (2400, 192), (2401, 256), (10**6, 256)])
def test_a_step_includes_its_lower_bound_and_not_its_upper(load: int, tasks: int) -> None:
    assert capacity(policy(read(), "LoadAlarm"), 7, load - 1) == tasks


@pytest.mark.parametrize(
    ("kind", "adjustment", "before", "after"),
    [
        ("ChangeInCapacity", -2, 5, 3),
        ("PercentChangeInCapacity", 25, 10, 12),
        ("PercentChangeInCapacity", 10, 3, 4),
        ("PercentChangeInCapacity", -10, 3, 2),
        ("PercentChangeInCapacity", -50, 5, 3),
    ],
)
def test_other_kinds_of_adjustment_count_from_what_there_is(
    kind: str, adjustment: int, before: int, after: int
) -> None:
    assert capacity(StepPolicy(kind, 0, steps_of(adjustment)), before, 0) == after


def test_a_gap_between_steps_is_refused(template: dict[str, Any]) -> None:
    steps = template["Resources"]["LoadPolicy"]["Properties"]["StepScalingPolicyConfiguration"]["StepAdjustments"]
    del steps[3]
    with pytest.raises(PolicyError, match="overlap or leave a gap"):
        read(template)


def test_an_alarm_that_points_elsewhere_is_refused(template: dict[str, Any]) -> None:
    template["Resources"]["LoadAlarm"]["Properties"]["AlarmActions"] = [{"Ref": "Service"}]
    with pytest.raises(PolicyError, match="LoadAlarm: its one action has to be a scaling policy"):
        read(template)


def test_a_template_without_scaling_is_refused() -> None:
    with pytest.raises(PolicyError, match="no scaling policy"):
        read({"Resources": {"Service": {"Type": "AWS::ECS::Service", "Properties": {}}}})
