"""Migrate the database of a deployed stack: a one-off task of the new worker image, before the new code is deployed.

    uv run python -m infra.deploy.migrate --stack twolane-prod --image-tag 1a2b3c4

The database is reached from inside the stack's network alone, so the migrations run there, with the task definition,
network and role that the stack made for them. Migrations only ever add what the running code does not mind, so they
go first; nothing is deployed if they fail.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

POLL_SECONDS = 5
LONGEST_SECONDS = 1800
LAST_LINES = 20

# What registering a task definition takes of what describing one gives.
_REGISTERED = (
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "runtimePlatform",
    "ephemeralStorage",
)


class MigrationError(Exception):
    """The migrations did not run to their end; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack runs its migrations, from its outputs."""

    cluster: str
    task_definition: str
    repository: str
    subnets: list[str]
    security_group: str
    public_address: bool

    @classmethod
    def of(cls, outputs: Mapping[str, str], stack: str) -> Place:
        """Read the outputs of a stack.

        Raises:
            MigrationError: it has no workers of its own.
        """
        try:
            return cls(
                cluster=outputs["ClusterName"],
                task_definition=outputs["MigrationTaskDefinition"],
                repository=outputs["RepositoryUri"],
                subnets=outputs["TaskSubnetIds"].split(","),
                security_group=outputs["TaskSecurityGroupId"],
                public_address=outputs["TaskPublicAddress"] == "ENABLED",
            )
        except KeyError as error:
            message = (
                f"The stack {stack} has no output {error}: it brings no workers of its own. "
                "Run `python -m infra.migrations.run` where DATABASE_URL reaches its database."
            )
            raise MigrationError(message) from error


class Migration:
    """One run of the migrations.

    Args:
        session: the operator's credentials and region.
        stack: the name of the deployed stack.
    """

    def __init__(self, session: boto3.Session, stack: str) -> None:
        # The stubs know a client by its literal name only.
        make: Any = session.client
        self._cloudformation, self._ecs, self._logs = make("cloudformation"), make("ecs"), make("logs")
        self._stack = stack

    def run(self, image_tag: str | None) -> str:
        """Run the migrations of an image and wait for their end.

        Args:
            image_tag: of the image in the stack's repository; the deployed one if not given.

        Returns:
            What the task printed, its last lines.

        Raises:
            MigrationError: they could not be started, or failed.
        """
        place = Place.of(self._outputs(), self._stack)
        definition = self._definition(place, image_tag)
        task = self._start(place, definition["taskDefinitionArn"])
        return self._outcome(self._wait(place, task), definition)

    def _outputs(self) -> dict[str, str]:
        try:
            [found] = self._cloudformation.describe_stacks(StackName=self._stack)["Stacks"]
        except ClientError as error:
            # What else may be wrong, such as credentials that have expired, AWS says itself.
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            message = f"There is no stack {self._stack} in this account and region."
            raise MigrationError(message) from error
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def _definition(self, place: Place, image_tag: str | None) -> dict[str, Any]:
        """The task definition to run: the stack's own, or a revision of it with another image."""
        found: dict[str, Any] = self._ecs.describe_task_definition(taskDefinition=place.task_definition)[
            "taskDefinition"
        ]
        if image_tag is None:
            return found
        request = {name: found[name] for name in _REGISTERED if found.get(name)}
        [container] = request["containerDefinitions"]
        request["containerDefinitions"] = [container | {"image": f"{place.repository}:{image_tag}"}]
        registered: dict[str, Any] = self._ecs.register_task_definition(**request)["taskDefinition"]
        return registered

    def _start(self, place: Place, definition: str) -> str:
        network = {
            "subnets": place.subnets,
            "securityGroups": [place.security_group],
            "assignPublicIp": "ENABLED" if place.public_address else "DISABLED",
        }
        answer = self._ecs.run_task(
            cluster=place.cluster,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
        )
        if not answer["tasks"]:
            reasons = "; ".join(failure.get("reason", "unknown") for failure in answer["failures"])
            message = f"ECS did not start the migrations: {reasons}. Try again; nothing was changed."
            raise MigrationError(message)
        return str(answer["tasks"][0]["taskArn"])

    def _wait(self, place: Place, task: str) -> dict[str, Any]:
        waiter = self._ecs.get_waiter("tasks_stopped")
        patience = {"Delay": POLL_SECONDS, "MaxAttempts": LONGEST_SECONDS // POLL_SECONDS}
        try:
            waiter.wait(cluster=place.cluster, tasks=[task], WaiterConfig=patience)
        except WaiterError as error:
            message = f"The migrations were not seen to end: {error}. Look at task {task}, and do not deploy yet."
            raise MigrationError(message) from error
        [stopped] = self._ecs.describe_tasks(cluster=place.cluster, tasks=[task])["tasks"]
        described: dict[str, Any] = stopped
        return described

    def _outcome(self, task: dict[str, Any], definition: dict[str, Any]) -> str:
        said = self._said(task, definition)
        codes = [container.get("exitCode") for container in task["containers"]]
        if codes != [0]:
            reasons = [f"exit code {codes[0]}" if codes and codes[0] is not None else "no exit code"]
            reasons += [task["stoppedReason"]] if task.get("stoppedReason") else []
            message = f"The migrations failed: {', '.join(reasons)}. Nothing was deployed. Their log ends:\n{said}"
            raise MigrationError(message)
        return said

    def _said(self, task: dict[str, Any], definition: dict[str, Any]) -> str:
        """The last lines of the task's log; awslogs names a stream PREFIX/CONTAINER/TASK."""
        [container] = definition["containerDefinitions"]
        options = container["logConfiguration"]["options"]
        stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task['taskArn'].rpartition('/')[2]}"
        try:
            events = self._logs.get_log_events(
                logGroupName=options["awslogs-group"], logStreamName=stream, limit=LAST_LINES, startFromHead=False
            )["events"]
        except ClientError as error:
            return f"(no log: {error})"
        return "\n".join(event["message"] for event in events)


def main(arguments: list[str] | None = None) -> int:
    """Run the migrations of a deployed stack; exit code 0 only if they ran to their end."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy.migrate", description=main.__doc__)
    parser.add_argument("--stack", required=True, help="name of the deployed stack")
    parser.add_argument("--image-tag", help="tag of the worker image to run; default: the deployed one")
    parser.add_argument("--region", help="default: that of the AWS configuration")
    given = parser.parse_args(arguments)
    try:
        said = Migration(boto3.Session(region_name=given.region), given.stack).run(given.image_tag)
    except (MigrationError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"twolane: {error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
