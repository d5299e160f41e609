"""Every fleet of every deployment scales, on the metric that is emitted for it, within the limits that were given."""

from __future__ import annotations

import pytest

from infra.scaling.policy import read
from shared.contracts import FLEETS
from shared.metrics import LOAD, NAMESPACE
from tests.infra.deployments import WHOLE, resources
from tests.infra.stacks import Resource
from tests.infra.watching import ALARM

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
SERVICE = "AWS::ECS::Service"


def of_fleets(deployed: str, kind: str) -> dict[str, list[Resource]]:
    """Resources of a type by the nested stack they are in, without those of other stacks."""
    found: dict[str, list[Resource]] = {}
    for made in resources(deployed, kind):
        stack, _, _ = made.path.rpartition("/")
        if stack.endswith("Fleet"):
            found.setdefault(stack, []).append(made)
    return found


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_service_is_a_target_that_may_reach_its_minimum_and_never_more_than_its_maximum(deployed: str) -> None:
    targets, services = of_fleets(deployed, TARGET), of_fleets(deployed, SERVICE)
    assert set(targets) == set(services)
    assert len(targets) == len(FLEETS)
    for stack, [target] in targets.items():
        limits = int(target.properties["MinCapacity"]), int(target.properties["MaxCapacity"])
        assert 0 <= limits[0] <= limits[1]
        assert services[stack][0].attribute("Name") in target.properties["ResourceId"]


@pytest.mark.parametrize("deployed", WHOLE)
def test_the_alarms_of_a_fleet_look_at_its_own_load(deployed: str) -> None:
    alarms = of_fleets(deployed, ALARM)
    seen = set()
    for found in alarms.values():
        assert len(found) == len(read().alarms)
        for alarm in found:
            assert (alarm.properties["Namespace"], alarm.properties["MetricName"]) == (NAMESPACE, LOAD.name)
            dimensions = {one["Name"]: one["Value"] for one in alarm.properties["Dimensions"]}
            assert tuple(dimensions) == LOAD.dimensions
            seen.add(dimensions["Fleet"])
    assert seen == set(FLEETS)


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_policy_scales_the_target_of_its_own_fleet_to_an_exact_number(deployed: str) -> None:
    targets = of_fleets(deployed, TARGET)
    for stack, policies in of_fleets(deployed, POLICY).items():
        for policy in policies:
            assert policy.properties["ScalingTargetId"] == targets[stack][0].ref
            configuration = policy.properties["StepScalingPolicyConfiguration"]
            assert configuration["AdjustmentType"] == "ExactCapacity"


@pytest.mark.parametrize("deployed", WHOLE)
def test_a_deployment_leaves_the_number_of_tasks_to_the_scaling(deployed: str) -> None:
    for [service] in of_fleets(deployed, SERVICE).values():
        assert "DesiredCount" not in service.properties
