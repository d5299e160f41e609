"""The emulator of AWS, as a deployment target for the templates themselves."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.exceptions import ClientError

from infra.local.aws import answers, plain_environment
from infra.local.checks import HOST, tool
from tests.infra.stacks import NESTED, ROOT, Template
from tests.support.programs import free_port
from tests.support.waiting import wait_until

STACK_NAME = "twolane"
TEMPLATES = "templates"
CODE = ("bucket", "key")
"""Where `transform.py` says the code of functions lies."""


class Emulator:
    """MiniStack with every service, for a few tests.

    Args:
        directory: for its state and log.
    """

    def __init__(self, directory: Path) -> None:
        self.log = directory / "emulator.log"
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        self._environment = {
            **plain_environment(),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "STATE_DIR": str(directory / "state"),
            "TMPDIR": str(directory),
            # Listeners of services that are not used.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # Databases, caches and tasks are entries in its books here; where it finds an engine it would start them.
            "DOCKER_HOST": f"unix://{directory / 'no-engine'}",
        }

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        command = [str(tool("emulator", "python")), "-m", "ministack"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        wait_until(self._is_ready, 60, "the emulator")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and with it whatever functions it runs."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def client(self, service: str) -> Any:
        """A client of one of its services."""
        # The stubs know a client by its literal name only.
        make: Callable[..., Any] = boto3.client
        return make(
            service,
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  # the emulator takes any
        )

    def unknown(self, kinds: Collection[str]) -> set[str]:
        """Those of some resource types that it does not know."""
        body = {"Resources": {f"R{number}": {"Type": kind} for number, kind in enumerate(sorted(kinds))}}
        try:
            self.client("cloudformation").validate_template(TemplateBody=json.dumps(body))
        except ClientError as error:
            refused = re.search(r"Unrecognized resource types: \[(.*)\]", str(error))
            if refused is None:
                raise
            return set(refused[1].split(", "))
        return set()

    def deploy(self, templates: Mapping[str, Template], parameters: Mapping[str, str]) -> None:
        """Make a stack of templates by path, and wait until it is complete."""
        self._upload(templates)
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=STACK_NAME,
            TemplateURL=f"{self.url}/{TEMPLATES}/{ROOT}",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )

        def ended() -> str | None:
            [stack] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
            status: str = stack["StackStatus"]
            return None if status.endswith("_IN_PROGRESS") else status

        assert wait_until(ended, 60, "the deployment") == "CREATE_COMPLETE", self._troubles()

    def made(self, stack: str = STACK_NAME, within: str = "") -> dict[str, str]:
        """The type of each resource that was made, by logical id, that of the nested stack before it."""
        found = {}
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        for one in (one for page in pages for one in page["StackResourceSummaries"]):
            path = within + one["LogicalResourceId"]
            assert one["ResourceStatus"] == "CREATE_COMPLETE", path
            found[path] = one["ResourceType"]
            if one["ResourceType"] == NESTED:
                found |= self.made(one["PhysicalResourceId"], f"{path}/")
        return found

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        return answers(f"{self.url}/_ministack/ready")

    def _upload(self, templates: Mapping[str, Template]) -> None:
        s3 = self.client("s3")
        for bucket in (TEMPLATES, CODE[0]):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for path, template in templates.items():
            s3.put_object(Bucket=TEMPLATES, Key=path, Body=json.dumps(self._addressed(template)).encode())
        # Nobody calls the functions here.
        code = BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("empty.py", "")
        s3.put_object(Bucket=CODE[0], Key=CODE[1], Body=code.getvalue())

    def _addressed(self, template: Template) -> Template:
        """A template whose nested stacks are found where they were uploaded, as `sam package` does it."""
        made: Template = json.loads(json.dumps(template))
        for raw in made["Resources"].values():
            if raw["Type"] == NESTED:
                raw["Properties"]["TemplateURL"] = f"{self.url}/{TEMPLATES}/{raw['Properties']['TemplateURL']}"
        return made

    def _troubles(self) -> list[str]:
        """Why it was not completed."""
        cloudformation = self.client("cloudformation")
        return [
            f"{stack['StackName']}/{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for stack in cloudformation.describe_stacks()["Stacks"]
            for event in cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason")
        ]


def without(template: Template, kinds: Collection[str]) -> Template:
    """A copy without the resources of some types; what referred to one says so instead."""
    gone = {name for name, raw in template["Resources"].items() if raw["Type"] in kinds}

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(one) for one in node]
        if not isinstance(node, dict):
            return node
        if node.get("Ref") in gone or (isinstance(node.get("Fn::GetAtt"), list) and node["Fn::GetAtt"][0] in gone):
            return "left-out"
        return {key: walk(one) for key, one in node.items()}

    kept = {name: raw for name, raw in template["Resources"].items() if name not in gone}
    made: Template = walk({**template, "Resources": kept})
    return made
