"""Containers that tests start: by the `docker` command, as operators do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

RUN_SECONDS = 120.0
"""How long a container that ends by itself may take."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a test; it uses the host's network, so that 127.0.0.1 means the same on both sides."""

    name: str

    @property
    def running(self) -> bool:
        """Whether its main process lives."""
        return self._inspect("{{.State.Running}}") == "true"

    @property
    def health(self) -> str:
        """What its health check says: `starting`, `healthy` or `unhealthy`."""
        return self._inspect("{{.State.Health.Status}}")

    @property
    def exit_code(self) -> int:
        """How its main process ended."""
        return int(self._inspect("{{.State.ExitCode}}"))

    def log(self) -> str:
        """What it printed so far, on both streams."""
        done = docker("logs", self.name, check=False)
        return done.stdout + done.stderr

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, whatever its exit code."""
        return docker("exec", self.name, *command, check=False)

    def stop(self, seconds: int) -> None:
        """Ask it to end as ECS does: SIGTERM, and SIGKILL after so many seconds."""
        docker("stop", "--time", str(seconds), self.name, timeout=seconds + RUN_SECONDS)

    def kill(self) -> None:
        """Kill it as a lost machine would."""
        docker("kill", self.name)

    def remove(self) -> None:
        """Remove it, running or not."""
        docker("rm", "--force", "--volumes", self.name, check=False)

    def _inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.name).stdout.strip()


@dataclass(slots=True)
class Containers:
    """Starts containers and removes all of them when its `with` block ends."""

    started: list[Container] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove everything."""
        for container in self.started:
            container.remove()

    def start(
        self,
        image: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> Container:
        """Start a container in the background.

        Args:
            image: built or fetched already; nothing is pulled.
            command: arguments of its entry point.
            environment: the variables it gets, and no others.
            options: more of `docker run`, such as `--read-only`.
        """
        container = Container(f"twolane-test-{uuid4().hex[:12]}")
        self.started.append(container)
        docker("run", "--detach", "--name", container.name, *_options(environment, options), image, *command)
        return container

    def run(
        self,
        image: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        timeout: float = RUN_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run a container that ends by itself and return how it ended, whatever its exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end; it is removed all the same.
        """
        container = Container(f"twolane-test-{uuid4().hex[:12]}")
        self.started.append(container)
        return docker(
            "run", "--name", container.name, *_options(environment, options), image, *command,
            check=False, timeout=timeout,
        )  # fmt: skip


def docker(*arguments: str, check: bool = True, timeout: float = RUN_SECONDS) -> subprocess.CompletedProcess[str]:
    """Run the `docker` command.

    Raises:
        AssertionError: it failed, and `check` was asked for; what it printed is in the message.
    """
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        message = f"docker {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"
        raise AssertionError(message)
    return done


def image_config(image: str) -> dict[str, Any]:
    """What an image says of itself: user, entry point, health check, labels."""
    config: dict[str, Any] = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image).stdout)
    return config


def mount(path: Path, inside: str, *, read_only: bool = False) -> tuple[str, str]:
    """Options that show a directory of the host inside a container."""
    return "--mount", f"type=bind,source={path},target={inside}{',readonly' if read_only else ''}"


def _options(environment: Mapping[str, str] | None, options: Sequence[str]) -> list[str]:
    variables = [part for name, value in (environment or {}).items() for part in ("--env", f"{name}={value}")]
    return ["--network", "host", *variables, *options]
