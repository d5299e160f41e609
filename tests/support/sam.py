"""`sam local`: the functions that `make build` built, each in a container of Lambda's runtime."""

from __future__ import annotations

import json
import re
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Any, Self
from uuid import uuid4

import httpx
import pytest
from cfnlint.decode.cfn_yaml import load

from infra.local.aws import plain_environment
from infra.local.checks import tool
from infra.local.children import die_with_parent
from infra.local.layout import PROJECT
from infra.local.state import REGION, aws_environment
from tests.support.bridge import Bridge
from tests.support.containers import docker
from tests.support.programs import free_port
from tests.support.waiting import wait_until

BUILT = PROJECT / ".aws-sam" / "build" / "template.yaml"
EVENTS = PROJECT / "tests" / "events"
RUNTIME = "public.ecr.aws/lambda/python:3.13-x86_64"
INVOKE_SECONDS = 120
START_SECONDS = 120

PARAMETERS = {"DatabaseUrl": "DATABASE_URL", "RedisUrl": "REDIS_URL"}
"""What tells the template that it brings no network, database and fleet of its own."""

ON_THIS_MACHINE = re.compile(r"[/@]127\.0\.0\.1:")
REPORT = re.compile(
    r"REPORT RequestId: \S+(?:\s+Init Duration: (?P<init>[\d.]+) ms)?\s+Duration: (?P<duration>[\d.]+) ms"
)


def functions_of(template: Path) -> dict[str, str]:
    """The functions of a template: the logical id by the folder that holds its code."""
    resources = load(str(template))["Resources"]
    return {
        str(resource["Properties"]["Handler"]).split(".")[1]: str(name)
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def recorded(name: str, replaced: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An event of `tests/events`, with what only this run knows put in the place of the examples."""
    text = (EVENTS / f"{name}.json").read_text()
    for example, value in (replaced or {}).items():
        assert example in text, f"{name}.json does not say {example}"
        text = text.replace(example, value)
    event: dict[str, Any] = json.loads(text)
    return event


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function.

    Attributes:
        function: its logical id.
        what: it was called with.
        answer: of the function; None where it failed.
        log: what the function and sam printed beside it.
        init_ms: as sam reports it. Its emulator starts the function's process before the clock and imports the function
            with the first event, so that the cold start is in the duration.
        duration_ms: as sam reports it.
        seconds: from the command to its end, the container's start and removal included.
    """

    function: str
    what: str
    answer: Any
    log: str
    init_ms: float
    duration_ms: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.function + ' ' + self.what:<38} init {self.init_ms:7.2f} ms  duration {self.duration_ms:8.1f} ms"
            f"  in all {self.seconds:5.1f} s"
        )


class SamLocal:
    """`sam local` for one set of stores. Use it in a `with` block: nothing it started outlives that.

    sam hands on the variables that the template declares and no others, and the template knows of no
    `AWS_ENDPOINT_URL`: that is for the place where a function runs to say, which is the image.

    Args:
        directory: for its files and logs.
        environment: what functions get of what they declare; may name servers on 127.0.0.1, `AWS_ENDPOINT_URL` too.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.invocations: list[Invocation] = []
        self._directory = directory
        self._variables = dict(environment)
        self.image = f"twolane-sam-{uuid4().hex[:12]}"

    def __enter__(self) -> Self:
        """Make the image and the way to the servers."""
        with ExitStack() as undo:
            bridge = undo.enter_context(Bridge())
            for name, value in self._variables.items():
                if ON_THIS_MACHINE.search(value):
                    self._variables[name] = bridge.url(value)
            undo.callback(_remove, self.image)
            self._make_image(self._variables.pop("AWS_ENDPOINT_URL"))
            (self._directory / "variables.json").write_text(json.dumps({"Parameters": self._variables}))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove containers, images and the way."""
        self._undo.close()

    def invoke(self, function: str, event: Mapping[str, Any], what: str) -> Invocation:
        """`sam local invoke`.

        Args:
            function: its logical id.
            event: what it gets.
            what: the event is, for the report.

        Raises:
            AssertionError: sam failed; what it printed is in the message.
        """
        path = self._directory / "event.json"
        path.write_text(json.dumps(event))
        command = self._command("invoke", function, "--event", str(path))
        began = time.monotonic()
        done = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, timeout=INVOKE_SECONDS, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        found = REPORT.search(done.stderr)
        assert found, done.stderr
        invocation = Invocation(
            function=function,
            what=what,
            answer=json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None,
            log=done.stderr,
            init_ms=float(found["init"] or 0),
            duration_ms=float(found["duration"]),
            seconds=time.monotonic() - began,
        )
        self.invocations.append(invocation)
        return invocation

    @contextmanager
    def api(self) -> Iterator[str]:
        """`sam local start-api`: its URL, for as long as the `with` block lasts."""
        port = free_port()
        # One container a function, kept from one request to the next, as Lambda does.
        options = ["--port", str(port), "--warm-containers", "EAGER", "--no-watch"]
        # sam knows no authorizers of tokens, and stumbles over one that the template makes under a condition.
        command = self._command("start-api", *options, "--disable-authorizer")
        log = self._directory / "start-api.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=self._environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, SIGTERM),  # noqa: PLW1509  # calls one function of libc
            )
        url = f"http://127.0.0.1:{port}"
        try:

            def answers() -> bool:
                assert process.poll() is None, log.read_text()
                try:
                    return httpx.get(f"{url}/health/live", timeout=START_SECONDS).is_success
                except httpx.ConnectError:
                    return False

            wait_until(answers, START_SECONDS, f"sam local start-api; see {log}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                process.kill()
                process.wait()

    def durations_ms(self) -> list[float]:
        """How long each request to `api` took inside its function, as sam reports it."""
        return [float(found["duration"]) for found in REPORT.finditer((self._directory / "start-api.log").read_text())]

    def _make_image(self, endpoint_url: str) -> None:
        dockerfile = self._directory / "Dockerfile"
        dockerfile.write_text(f"FROM {RUNTIME}\nENV AWS_ENDPOINT_URL={endpoint_url}\n")
        docker("build", "--quiet", "--tag", f"{self.image}:latest", "--file", str(dockerfile), str(self._directory))

    def _command(self, *arguments: str) -> list[str]:
        parameters = [f'{name}="{self._variables[variable]}"' for name, variable in PARAMETERS.items()]
        return [
            *(str(tool("sam", "sam")), "local", *arguments, "--template", str(BUILT), "--region", REGION),
            *("--invoke-image", f"{self.image}:latest", "--skip-pull-image"),
            *("--env-vars", str(self._directory / "variables.json"), "--parameter-overrides", *parameters),
            *("--layer-cache-basedir", str(self._directory)),
        ]

    def _environment(self) -> dict[str, str]:
        aws = aws_environment("")
        del aws["AWS_ENDPOINT_URL"]
        return {**plain_environment(), **aws, "SAM_CLI_TELEMETRY": "0"}


def _remove(repository: str) -> None:
    """Remove the images of a repository, sam's own on top of ours included, and every container made of them."""
    for image in docker("images", "--quiet", repository).stdout.split():
        for container in docker("ps", "--all", "--quiet", "--filter", f"ancestor={image}").stdout.split():
            docker("rm", "--force", "--volumes", container, check=False)
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository).stdout.split()
    if names:
        docker("rmi", "--force", *names)


def body_of(answer: Mapping[str, Any]) -> Any:
    """The JSON body of an HTTP API's answer, which is in base64 unless its media type is a well-known text."""
    body = answer["body"]
    return json.loads(b64decode(body) if answer.get("isBase64Encoded") else body)


def say(config: pytest.Config, *lines: str) -> None:
    """Print lines among pytest's own: what sam reports is what people run these tests for."""
    capture = config.pluginmanager.getplugin("capturemanager")
    terminal = config.pluginmanager.getplugin("terminalreporter")
    with capture.global_and_fixture_disabled():
        terminal.write_line("")
        for line in lines:
            terminal.write_line(f"  {line}")
