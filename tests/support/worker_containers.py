"""Workers as they are deployed: the image, read-only, without privileges, on one machine with what they need."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tests.support.containers import Container, Containers
from tests.support.lanes import Lanes

IMAGE = os.environ.get("WORKER_IMAGE", "twolane-workers:local")
"""What `make containers` built."""

LOCKED_DOWN = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108  # the container's
"""As the task definition runs it."""


class WorkerContainers:
    """Starts workers for a deployment.

    Args:
        containers: removes them in the end.
        lanes: whose broker, database and store they use.
    """

    def __init__(self, containers: Containers, lanes: Lanes) -> None:
        self._containers = containers
        self.environment = {
            **lanes.store.environment,
            "DATABASE_URL": lanes.database.engine.url.render_as_string(hide_password=False),
            "REDIS_URL": lanes.redis.url,
            "WORKER_FLEET": "ocr",
        }

    def start(self, *options: str, **environment: str) -> Container:
        """Start a worker in the background, with more options of `docker run`, and other settings."""
        return self._containers.start(
            IMAGE, environment=self.environment | environment, options=(*LOCKED_DOWN, *options)
        )

    def run(self, options: Sequence[str] = (), command: Sequence[str] = (), **environment: str) -> tuple[int, str, str]:
        """Run a container to its end and return its exit code, standard output and standard error."""
        done = self._containers.run(
            IMAGE, *command, environment=self.environment | environment, options=(*LOCKED_DOWN, *options)
        )
        return done.returncode, done.stdout, done.stderr
