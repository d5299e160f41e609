"""The whole stack, with every condition on, deploys into the emulator as far as that knows the types of resources."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.contracts import FLEETS
from tests.infra.deployments import EVERYTHING, deployment
from tests.infra.emulator import Emulator, without
from tests.infra.stacks import Template, templates

LEFT_OUT = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "checked by test_workers.py, played through by infra.scaling",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "likewise",
    "AWS::EC2::EIP": "checked by test_network.py",
    "AWS::EC2::FlowLog": "nothing flows there",
    "AWS::EC2::NatGateway": "likewise",
    "AWS::EC2::SecurityGroupIngress": "likewise",
}
"""What the emulator does not know, and what stands in for it here."""


def emulated() -> dict[str, Template]:
    """The templates as the emulator takes them.

    Numbers passed from stack to stack are text; of capacity providers' bases and weights the emulator does not make
    numbers again, as CloudFormation does, and fails where it compares them.
    """
    made = {path: without(template, LEFT_OUT) for path, template in templates().items()}
    service = made["infra/stacks/fleet.yaml"]["Resources"]["Service"]["Properties"]
    [strategy] = {
        json.dumps(one.properties["CapacityProviderStrategy"])
        for one in deployment("everything on").all("AWS::ECS::Service")
    }
    service["CapacityProviderStrategy"] = json.loads(strategy)
    return made


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One with the stack in it."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as started:
        zone = started.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]
        parameters = {**EVERYTHING, "HostedZoneId": zone["Id"].rpartition("/")[2]}
        started.deploy(emulated(), parameters)
        yield started


def test_what_the_emulator_does_not_know_is_listed(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    used = Counter(resource.kind for resource in deployment("everything on").all())
    with capsys.disabled():
        sys.stdout.write("\nthe emulator leaves out:\n")
        sys.stdout.writelines(f"  {used[kind]:2} {kind}: {reason}\n" for kind, reason in LEFT_OUT.items())
    assert emulator.unknown(used) == set(LEFT_OUT)


def test_everything_else_is_made(emulator: Emulator) -> None:
    wanted = {one.path: one.kind for one in deployment("everything on").all() if one.kind not in LEFT_OUT}
    assert emulator.made() == wanted


def test_there_is_a_service_a_fleet(emulator: Emulator) -> None:
    ecs = emulator.client("ecs")
    [cluster] = ecs.list_clusters()["clusterArns"]
    services = ecs.describe_services(cluster=cluster, services=sorted(FLEETS))["services"]
    assert {service["serviceName"]: service["status"] for service in services} == dict.fromkeys(FLEETS, "ACTIVE")


def test_the_data_stores_are_as_declared(emulator: Emulator) -> None:
    [broker] = emulator.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    assert broker["TransitEncryptionEnabled"] is broker["AtRestEncryptionEnabled"] is True
    [database] = emulator.client("rds").describe_db_clusters()["DBClusters"]
    assert database["StorageEncrypted"] is True
    assert len(database["DBClusterMembers"]) == int(EVERYTHING["DatabaseInstances"])
