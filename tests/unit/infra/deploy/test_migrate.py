"""The migrations of a deployed stack, as a one-off task; AWS is moto's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.exceptions import CloudFormationError
from moto.cloudformation.models import CloudFormationBackend
from moto.ecs.models import Container, EC2ContainerServiceBackend, Task, ecs_backends
from moto.moto_api import state_manager

from infra.deploy.migrate import Migration, MigrationError, main

STACK = "twolane-test"
REGION = "us-east-1"
ACCOUNT = "123456789012"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/twolane"
GROUP = "/twolane-test/migrations"
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, in which a task has stopped by the time one looks."""
    for name, value in {"ACCESS_KEY_ID": "t", "SECRET_ACCESS_KEY": "t", "DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        state_manager.set_transition("ecs::task", {"progression": "immediate"})
        yield
        state_manager.unset_transition("ecs::task")


@pytest.fixture
def network() -> tuple[str, str]:
    """A subnet and a security group."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/26")["Subnet"]["SubnetId"]
    return subnet, ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]


@pytest.fixture
def ecs(network: tuple[str, str]) -> Any:
    """The deployed stack: a cluster, a task definition, and the outputs that name them."""
    subnet, group = network
    client: Any = boto3.client("ecs")
    client.create_cluster(clusterName="cluster")
    options = {"awslogs-group": GROUP, "awslogs-stream-prefix": "migrations", "awslogs-region": REGION}
    container = {
        "name": "migrations",
        "image": f"{REPOSITORY}:old",
        "memory": 512,
        "environment": [{"name": "DATABASE_URL", "value": "postgresql://db/twolane"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    client.register_task_definition(
        family="migrations",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container],
    )
    boto3.client("logs").create_log_group(logGroupName=GROUP)
    outputs = {
        "ClusterName": "cluster",
        "MigrationTaskDefinition": "migrations",
        "RepositoryUri": REPOSITORY,
        "TaskSubnetIds": subnet,
        "TaskSecurityGroupId": group,
        "TaskPublicAddress": "ENABLED",
    }
    deploy(outputs)
    return client


def deploy(outputs: dict[str, str]) -> None:
    """Make a stack of which only the outputs matter."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))


def migrate(tag: str | None = None) -> str:
    """Run the migrations."""
    return Migration(boto3.Session(region_name=REGION), STACK).run(tag)


def tasks(ecs: Any) -> list[Json]:
    """What ran."""
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster="cluster", desiredStatus=status)["taskArns"]
    ]
    found: list[Json] = ecs.describe_tasks(cluster="cluster", tasks=sorted(set(arns)))["tasks"]
    return found


def test_the_new_image_migrates_before_it_is_deployed(ecs: Any) -> None:
    migrate("new")
    [task] = tasks(ecs)
    definition = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    [container] = definition["containerDefinitions"]
    assert container["image"] == f"{REPOSITORY}:new"
    assert container["environment"] == [{"name": "DATABASE_URL", "value": "postgresql://db/twolane"}]
    assert (definition["cpu"], definition["memory"], definition["networkMode"]) == ("256", "512", "awsvpc")


@pytest.mark.usefixtures("ecs")
def test_it_runs_in_the_network_of_the_stack(network: tuple[str, str]) -> None:
    migrate()
    [backend_task] = ecs_backends[ACCOUNT][REGION].tasks["cluster"].values()
    assert backend_task.network_configuration["awsvpcConfiguration"] == {
        "subnets": [network[0]],
        "securityGroups": [network[1]],
        "assignPublicIp": "ENABLED",
    }


def test_without_a_tag_the_deployed_image_runs_and_nothing_is_registered(ecs: Any) -> None:
    migrate()
    assert len(ecs.list_task_definitions(familyPrefix="migrations")["taskDefinitionArns"]) == 1


@pytest.mark.usefixtures("ecs")
def test_what_the_task_said_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    start = EC2ContainerServiceBackend.run_task

    def start_and_log(self: EC2ContainerServiceBackend, *asked: Any) -> list[Task]:
        started: list[Task] = start(self, *asked)
        logs = boto3.client("logs")
        for task in started:
            stream = {"logGroupName": GROUP, "logStreamName": f"migrations/migrations/{task.id}"}
            logs.create_log_stream(**stream)
            now = int(datetime.now(UTC).timestamp() * 1000)
            logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "migrated 0001 -> 0002"}])
        return started

    monkeypatch.setattr(EC2ContainerServiceBackend, "run_task", start_and_log)
    assert main(["--stack", STACK, "--region", REGION]) == 0
    assert capsys.readouterr().out == "migrated 0001 -> 0002\n"


@pytest.mark.usefixtures("ecs")
def test_migrations_that_fail_stop_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Container.__init__

    def fail(self: Container, definition: Any) -> None:
        make(self, definition)
        self.exitCode = 1

    monkeypatch.setattr(Container, "__init__", fail)
    with pytest.raises(MigrationError, match=r"failed: exit code 1.*Nothing was deployed"):
        migrate("new")
    assert main(["--stack", STACK, "--region", REGION]) == 1


def test_a_stack_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "nobody", "--region", REGION]) == 1
    assert "There is no stack nobody" in capsys.readouterr().err


def test_a_stack_without_workers_of_its_own_says_where_to_migrate() -> None:
    deploy({"ApiUrl": "https://example.com"})
    with pytest.raises(MigrationError, match=r"infra\.migrations\.run"):
        migrate()


@pytest.mark.usefixtures("ecs")
def test_a_task_that_never_ran_says_what_ecs_says(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Task.__init__

    def stop(self: Task, *asked: Any, **options: Any) -> None:
        make(self, *asked, **options)
        self.stopped_reason = "CannotPullContainerError: no such image"
        for container in self.containers:
            container.exitCode = None

    monkeypatch.setattr(Task, "__init__", stop)
    with pytest.raises(MigrationError, match=r"no exit code, CannotPullContainerError"):
        migrate("new")


@pytest.mark.filterwarnings("ignore:Exception.*with code ExpiredToken")  # moto knows of no old credentials
def test_other_trouble_with_aws_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_asked: object) -> None:
        expired = CloudFormationError("The security token included in the request is expired")
        expired.code = "ExpiredToken"
        raise expired

    monkeypatch.setattr(CloudFormationBackend, "describe_stacks", refuse)
    assert main(["--stack", STACK, "--region", REGION]) == 1
    assert "There is no stack" not in capsys.readouterr().err
