"""Who can reach whom: nobody from outside, and no more than needed inside."""

from __future__ import annotations

import pytest

from tests.infra.deployments import ALL, MAKING_DATA, WHOLE, deployment, made_by, resources
from tests.infra.stacks import Resource

EVERYWHERE = {"0.0.0.0/0", "::/0"}
GROUP = "AWS::EC2::SecurityGroup"
INGRESS = "AWS::EC2::SecurityGroupIngress"
ENDPOINT = "AWS::EC2::VPCEndpoint"
GATEWAY = "AWS::EC2::NatGateway"

NEEDED_BY_TASKS = {"ecr.api", "ecr.dkr", "logs"}
"""Services that a task without a way to the internet starts by."""


def services(deployed: str, kind: str) -> set[str]:
    """The AWS services with an endpoint of some kind."""
    found = [one.properties for one in resources(deployed, ENDPOINT)]
    return {one["ServiceName"].split(".", 3)[3] for one in found if one["VpcEndpointType"] == kind}


def workers_are_public(deployed: str) -> bool:
    """Whether workers have addresses of their own."""
    return bool(deployment(deployed).parameters["WorkerEgress"] == "public-ip")


def gateways(deployed: str) -> list[Resource]:
    """The NAT gateways."""
    return deployment(deployed).all(GATEWAY)


def ways_out(deployed: str, subnet: Resource) -> list[Resource]:
    """Where a subnet's default routes lead."""
    tables = {
        one.properties["RouteTableId"]
        for one in resources(deployed, "AWS::EC2::SubnetRouteTableAssociation")
        if one.properties["SubnetId"] == subnet.ref
    }
    routes = [one.properties for one in deployment(deployed).all("AWS::EC2::Route")]
    return [
        made_by(deployed, route.get("NatGatewayId") or route["GatewayId"])
        for route in routes
        if route["RouteTableId"] in tables and route["DestinationCidrBlock"] in EVERYWHERE
    ]


@pytest.mark.parametrize("deployed", ALL)
def test_nobody_is_let_in_from_everywhere(deployed: str) -> None:
    for group in deployment(deployed).all(GROUP, INGRESS):
        rules = [group.properties] if group.kind == INGRESS else group.properties.get("SecurityGroupIngress", [])
        for rule in rules:
            assert not {rule.get("CidrIp"), rule.get("CidrIpv6")} & EVERYWHERE, group.path


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_data_stores_take_connections_from_functions_and_workers_alone(deployed: str) -> None:
    for store, port in (("Database", 5432), ("Broker", 6379)):
        rules = [one for one in resources(deployed, INGRESS) if f"/{store}SecurityGroup" in one.properties["GroupId"]]
        sources = {made_by(deployed, rule.properties["SourceSecurityGroupId"]).path for rule in rules}
        assert sources == {"Network/FunctionsSecurityGroup", "Network/WorkersSecurityGroup"}
        assert {(rule.properties["FromPort"], rule.properties["ToPort"]) for rule in rules} == {(port, port)}


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_every_group_says_where_its_members_may_connect_to(deployed: str) -> None:
    """A group without a word on it lets its members connect to everything."""
    for group in resources(deployed, GROUP):
        assert group.properties["SecurityGroupEgress"], group.path
        for rule in group.properties["SecurityGroupEgress"]:
            assert rule["IpProtocol"] != "-1" or rule["CidrIp"] == "127.0.0.1/32"


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_no_data_store_has_a_public_address(deployed: str) -> None:
    for instance in resources(deployed, "AWS::RDS::DBInstance"):
        assert instance.properties["PubliclyAccessible"] is False


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_private_subnets_lie_in_two_zones_and_lead_out_by_gateways_that_nobody_comes_in_by(deployed: str) -> None:
    private = [one for one in resources(deployed, "AWS::EC2::Subnet") if "/Private" in one.path]
    assert len({subnet.properties["AvailabilityZone"] for subnet in private}) == len(private) == 2
    for subnet in private:
        ways = ways_out(deployed, subnet)
        assert [way.kind for way in ways] == ([GATEWAY] if gateways(deployed) else [])
        if len(gateways(deployed)) == 2:
            [way] = ways
            zone = made_by(deployed, way.properties["SubnetId"]).properties["AvailabilityZone"]
            assert zone == subnet.properties["AvailabilityZone"]


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_subnets_overlap_nowhere_and_hand_out_no_public_addresses(deployed: str) -> None:
    subnets = resources(deployed, "AWS::EC2::Subnet")
    assert len({subnet.properties["CidrBlock"] for subnet in subnets}) == len(subnets)
    assert not any(subnet.properties.get("MapPublicIpOnLaunch") for subnet in subnets)


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_as_many_gateways_are_paid_for_by_the_hour_as_were_asked_for(deployed: str) -> None:
    assert len(gateways(deployed)) == deployment(deployed).parameters["NatGateways"]
    for gateway in gateways(deployed):
        subnet = made_by(deployed, gateway.properties["SubnetId"])
        assert [way.kind for way in ways_out(deployed, subnet)] == ["AWS::EC2::InternetGateway"]
    addresses = deployment(deployed).all("AWS::EC2::EIP")
    assert {one.attribute("AllocationId") for one in addresses} == {
        one.properties["AllocationId"] for one in gateways(deployed)
    }


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_what_has_no_way_out_reaches_aws_by_endpoints(deployed: str) -> None:
    assert services(deployed, "Gateway") == {"s3"}
    by_endpoints = deployment(deployed).parameters["WorkerEgress"] == "endpoints"
    secrets = {"secretsmanager"} if by_endpoints or not gateways(deployed) else set()
    textract = {"textract"} if by_endpoints and deployment(deployed).parameters["TextractEnabled"] == "true" else set()
    assert services(deployed, "Interface") == secrets | textract | (NEEDED_BY_TASKS if by_endpoints else set())


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_worker_has_a_way_to_ecr_and_cloudwatch(deployed: str) -> None:
    for service in resources(deployed, "AWS::ECS::Service"):
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        for subnet in network["Subnets"]:
            out = ways_out(deployed, made_by(deployed, subnet))
            assert out or services(deployed, "Interface") >= NEEDED_BY_TASKS


@pytest.mark.parametrize("deployed", MAKING_DATA)
def test_endpoints_answer_to_the_names_that_sdks_use(deployed: str) -> None:
    for endpoint in resources(deployed, ENDPOINT):
        if endpoint.properties["VpcEndpointType"] == "Interface":
            assert endpoint.properties["PrivateDnsEnabled"] is True
    for vpc in resources(deployed, "AWS::EC2::VPC"):
        assert vpc.properties["EnableDnsSupport"] is vpc.properties["EnableDnsHostnames"] is True


@pytest.mark.parametrize("deployed", WHOLE)
def test_tasks_have_a_public_address_only_where_that_is_their_way_out(deployed: str) -> None:
    for service in resources(deployed, "AWS::ECS::Service"):
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == ("ENABLED" if workers_are_public(deployed) else "DISABLED")
        wanted = "/Public" if workers_are_public(deployed) else "/Private"
        assert all(wanted in made_by(deployed, subnet).path for subnet in network["Subnets"])
        assert len(network["Subnets"]) == 2
