"""What every figure is measured with: a scratch directory, the local stack, the HTTP API as a client sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from infra.local.stack import running_stack
from infra.local.state import StackState

STACK = {"NULL_ENGINE": "true", "LOG_LEVEL": "INFO"}
"""Settings beside the defaults: the engine that reads nothing is offered."""

WAIT_SECONDS = 20
"""The longest a GET may wait for the end of a document."""


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API of a running stack."""

    stack: StackState
    client: httpx.Client

    def submit(self, name: str, body: bytes, **options: str) -> str:
        """POST a document, to be read whether or not it was before; return its id."""
        answer = self.client.post("/v1/documents", files={"file": (name, body)}, data={"force": "true", **options})
        document_id: str = answer.raise_for_status().json()["id"]
        return document_id

    def finished(self, document_id: str) -> dict[str, Any]:
        """Wait until a document is final and return it.

        Raises:
            RuntimeError: it ended otherwise than completed.
        """
        path, status = f"/v1/documents/{document_id}", "queued"
        while status in {"queued", "processing"}:
            answer = self.client.get(path, params={"wait": WAIT_SECONDS}).raise_for_status()
            document: dict[str, Any] = answer.json()
            status = document["status"]
        if status != "completed":
            message = f"the document {document['filename']} is {status}: {document['error']}"
            raise RuntimeError(message)
        return document

    def seconds(self, name: str, body: bytes, **options: str) -> float:
        """Return the seconds from the POST to `completed`."""
        began = time.perf_counter()
        self.finished(self.submit(name, body, **options))
        return time.perf_counter() - began

    def pages(self, document_id: str) -> list[dict[str, Any]]:
        """The first pages of a document."""
        answer = self.client.get(f"/v1/documents/{document_id}/pages").raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@dataclass(frozen=True, slots=True)
class Bench:
    """One run.

    Attributes:
        rounds: how often everything is measured, at least.
        scratch: a directory that is removed at the end.
        figure: what is being measured, for the progress lines.
        data: a directory of documents with what is printed on them, for figures that need some.
    """

    rounds: int
    scratch: Path
    figure: str = field(default="")
    data: Path | None = None

    def say(self, text: str) -> None:
        """Tell how far it is."""
        sys.stderr.write(f"  {self.figure}: {text}\n")

    @contextmanager
    def stack(
        self, *, workers: int, environment: Mapping[str, str] | None = None, name: str = "stack"
    ) -> Iterator[Api]:
        """The local stack with so many workers, all of which have taken their first look at the queues.

        Args:
            workers: how many.
            environment: settings beside the defaults.
            name: of its directory; stacks side by side need one each.
        """
        self.say(f"starting the stack with {workers} workers")
        settings = {**STACK, **(environment or {})}
        with running_stack(self.scratch / name, workers=workers, environment=settings) as stack:
            headers = {"Authorization": f"Bearer {stack.admin_key}"}
            with httpx.Client(base_url=stack.url, headers=headers, timeout=WAIT_SECONDS + 10) as client:
                _await_workers(client, workers)
                yield Api(stack, client)

    @contextmanager
    def worker(self, command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A process in a group of its own, ended with the block; its log lies in the scratch directory."""
        with (self.scratch / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever did not listen, or was left behind
            process.wait()


def _await_workers(client: httpx.Client, workers: int) -> None:
    """Wait until so many workers answer: the stack counts as ready before they do."""
    deadline = time.monotonic() + 60
    while workers:
        answer = client.get("/health/celery")
        if answer.is_success and len(answer.json()["workers"]) >= workers:
            return
        if time.monotonic() > deadline:
            message = f"{workers} workers were asked for; after a minute: {answer.text}"
            raise RuntimeError(message)
