"""Every task: what it is given, what it may, where it writes, and how long it has to end."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from shared.config import WorkerSettings
from shared.contracts import FLEETS
from shared.db.unit_of_work import MAX_COUNTDOWN
from tests.infra.deployments import ALL, WHOLE, deployment, made_by, resources
from tests.infra.settings import CONTAINERS, READ_BY_OTHERS, loaded, read, required
from tests.infra.stacks import PROJECT, Resource
from workers.app import HARD_LIMIT_SECONDS, LONGEST_COUNTDOWN_SECONDS, configuration
from workers.health import OLDEST_SECONDS

TASK = "AWS::ECS::TaskDefinition"
SERVICE = "AWS::ECS::Service"


def tasks(deployed: str) -> list[Resource]:
    """The task definitions of a deployment: one a fleet, and the migrations."""
    return resources(deployed, TASK)


def containers(deployed: str) -> list[dict[str, Any]]:
    """Their containers."""
    return [one for task in tasks(deployed) for one in task.properties["ContainerDefinitions"]]


def environment(container: dict[str, Any]) -> dict[str, str]:
    """What it is given."""
    return {one["Name"]: str(one["Value"]) for one in container["Environment"]}


def worker_environment(deployed: str) -> dict[str, str]:
    """That of some worker, without secrets, which nobody could be asked for here."""
    given = next(environment(one) for one in containers(deployed) if one["Name"] == "worker")
    return {name: value for name, value in given.items() if not name.endswith("_SECRET_ARN")}


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_container_is_known_to_these_tests(deployed: str) -> None:
    assert {one["Name"] for one in containers(deployed)} == set(CONTAINERS)


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_container_gets_what_it_needs_and_nothing_that_nothing_reads(deployed: str) -> None:
    for container in containers(deployed):
        kind, given = CONTAINERS[container["Name"]], environment(container)
        assert {key for key in required(kind) if not given.get(key)} == set()
        assert set(given) <= read(kind) | READ_BY_OTHERS


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_container_accepts_what_it_is_given(deployed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for container in containers(deployed):
        assert loaded(CONTAINERS[container["Name"]], environment(container), monkeypatch)


@pytest.mark.parametrize("deployed", WHOLE)
def test_no_environment_of_a_container_holds_a_secret(deployed: str) -> None:
    for container in containers(deployed):
        given = environment(container)
        for name in {"DATABASE", "REDIS"} if container["Name"] == "worker" else {"DATABASE"}:
            assert "@" not in given[f"{name}_URL"]
            assert given[f"{name}_SECRET_ARN"]


@pytest.mark.parametrize("deployed", WHOLE)
def test_there_is_one_service_a_fleet_and_it_consumes_that_fleets_queues(deployed: str) -> None:
    served = {}
    for service in resources(deployed, SERVICE):
        [container] = made_by(deployed, service.properties["TaskDefinition"]).properties["ContainerDefinitions"]
        served[service.properties["ServiceName"]] = environment(container)["WORKER_FLEET"]
    assert served == {fleet: fleet for fleet in FLEETS}


@pytest.mark.parametrize("deployed", WHOLE)
def test_tasks_may_end_their_work_before_they_are_killed(deployed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(WorkerSettings, worker_environment(deployed), monkeypatch)
    assert isinstance(settings, WorkerSettings)
    for container in containers(deployed):
        if container["Name"] == "worker":
            assert container["StopTimeout"] == 120
            assert settings.worker_soft_shutdown_seconds < container["StopTimeout"]


@pytest.mark.parametrize("deployed", WHOLE)
def test_a_message_in_hand_is_not_sent_again_while_it_may_be_worked_on(
    deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(WorkerSettings, worker_environment(deployed), monkeypatch)
    celery = configuration()
    longest = celery["task_time_limit"] + MAX_COUNTDOWN.total_seconds()
    assert celery["broker_transport_options"]["visibility_timeout"] > longest


def test_no_task_may_run_or_wait_longer_than_that_allows_for() -> None:
    """Asked in a process of its own: Celery keeps the configuration it was first read with."""
    ask = (
        "from workers.app import app; app.loader.import_default_modules()\n"
        "print({name: task.time_limit for name, task in app.tasks.items()})"
    )
    environment = os.environ | worker_environment("everything on")
    answer = subprocess.run([sys.executable, "-c", ask], env=environment, check=True, capture_output=True, cwd=PROJECT)
    limits = {name: limit for name, limit in ast.literal_eval(answer.stdout.decode()).items() if "celery." not in name}
    assert limits
    assert all(limit is not None and limit <= HARD_LIMIT_SECONDS for limit in limits.values()), limits
    assert MAX_COUNTDOWN.total_seconds() <= LONGEST_COUNTDOWN_SECONDS


@pytest.mark.parametrize("deployed", WHOLE)
def test_containers_can_change_nothing_of_themselves(deployed: str) -> None:
    for container in containers(deployed):
        assert container["ReadonlyRootFilesystem"] is True
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        assert "Privileged" not in container
        assert [mount["ContainerPath"] for mount in container["MountPoints"]] == ["/tmp"]  # noqa: S108  # a volume's


@pytest.mark.parametrize("deployed", WHOLE)
def test_entry_points_are_in_exec_form(deployed: str) -> None:
    """A shell would not hand SIGTERM on."""
    for container in containers(deployed):
        for form in ("EntryPoint", "Command"):
            assert isinstance(container.get(form, []), list)
            assert not {"sh", "bash", "-c"} & set(container.get(form, []))


@pytest.mark.parametrize("deployed", WHOLE)
def test_containers_run_as_the_user_and_are_asked_for_their_health_as_the_image_says(deployed: str) -> None:
    image = (PROJECT / "infra/docker/workers.Dockerfile").read_text()
    for container in containers(deployed):
        assert f"\nUSER {container['User']}\n" in image
        assert not container["User"].startswith("0")
        if container["Name"] == "worker":
            form, *command = container["HealthCheck"]["Command"]
            assert form == "CMD"
            assert f"CMD {json.dumps(command)}\n" in image


@pytest.mark.parametrize("deployed", WHOLE)
def test_a_broker_that_fails_over_costs_no_workers(deployed: str) -> None:
    """ECS replaces a task after so many failures in a row; a failover takes a minute, a restart a few."""
    for container in containers(deployed):
        if container["Name"] == "worker":
            check = container["HealthCheck"]
            assert OLDEST_SECONDS + (check["Retries"] - 1) * check["Interval"] >= 300
            assert check["Retries"] <= 10


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_container_logs_into_a_group_of_its_own_that_forgets(deployed: str) -> None:
    groups = [made_by(deployed, one["LogConfiguration"]["Options"]["awslogs-group"]) for one in containers(deployed)]
    assert all(group.properties["RetentionInDays"] for group in groups)
    assert len({group.path for group in groups}) == len(groups)


@pytest.mark.parametrize("deployed", WHOLE)
def test_every_task_has_a_role_of_its_own_and_none_of_them_starts_containers(deployed: str) -> None:
    roles = [task.properties["TaskRoleArn"] for task in tasks(deployed)]
    assert len(set(roles)) == len(roles)
    assert not set(roles) & {task.properties["ExecutionRoleArn"] for task in tasks(deployed)}


@pytest.mark.parametrize("deployed", WHOLE)
def test_a_fleet_begins_on_demand_and_grows_on_spot_as_it_is_told(deployed: str) -> None:
    for service in resources(deployed, SERVICE):
        strategy = {one["CapacityProvider"]: one for one in service.properties["CapacityProviderStrategy"]}
        assert set(strategy) == {"FARGATE", "FARGATE_SPOT"}
        assert sum(one["Weight"] for one in strategy.values()) > 0
        # ECS takes a base from one provider alone.
        assert "Base" not in strategy["FARGATE_SPOT"]


@pytest.mark.parametrize("deployed", WHOLE)
def test_scaling_alone_says_how_many_tasks_run(deployed: str) -> None:
    targets = {
        one.properties["ResourceId"] for one in resources(deployed, "AWS::ApplicationAutoScaling::ScalableTarget")
    }
    for service in resources(deployed, SERVICE):
        assert "DesiredCount" not in service.properties
        cluster, name = service.properties["Cluster"], service.attribute("Name")
        assert f"service/{cluster}/{name}" in targets


def test_one_machine_brings_no_workers_of_its_own() -> None:
    assert deployment("one machine").all(TASK, SERVICE) == []
    assert "one machine" in ALL
