"""Task protection: ECS does not scale in, or replace in a deployment, a task that is at work.

Tasks ask the agent on their machine, at `$ECS_AGENT_URI/task-protection/v1/state` (ECS developer guide, "Task scale-in
protection endpoint"). One call protects a task for some minutes, so a stream of short jobs costs one call in five
minutes; protection ends when there was nothing to do for a while. Nothing here can fail or delay a job: the calls are
made by a thread, and what they meet is logged by the loop.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import urllib.request
from collections import deque
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

from celery import bootsteps, signals
from celery.worker import state

log = logging.getLogger(__name__)

PATH = "/task-protection/v1/state"

EXPIRES_MINUTES = 15
"""How long one call protects, whatever becomes of this process; 1 to 2880."""

RENEW_SECONDS = 300.0
QUIET_SECONDS = 10.0
"""A task without jobs for so long is no longer protected: a pause between two jobs costs no calls."""

RETRY_SECONDS = 15.0
TIMEOUT_SECONDS = 5.0
LOOK_SECONDS = 0.5


class TaskProtection:
    """Keeps this ECS task protected while it is busy.

    Args:
        agent_uri: `ECS_AGENT_URI`, which ECS gives to every container.
        quiet_seconds: see `QUIET_SECONDS`.
        renew_seconds: see `RENEW_SECONDS`.
        retry_seconds: how long to leave an agent alone that failed.
        timeout_seconds: how long the agent may take to answer.
    """

    def __init__(
        self,
        agent_uri: str,
        *,
        quiet_seconds: float = QUIET_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = agent_uri.rstrip("/") + PATH
        self._quiet, self._renew, self._retry = quiet_seconds, renew_seconds, retry_seconds
        self._timeout = timeout_seconds
        # The agent is a neighbour: no proxy of the environment lies between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._busy_at = float("-inf")
        self._protected = self._failing = False
        self._next_call = 0.0
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._met: deque[tuple[int, str]] = deque()

    def busy(self) -> None:
        """Say that there is work; returns at once. The first time starts the thread."""
        self._busy_at = time.monotonic()
        self.tell()
        if self._thread is None:
            # Not before: the pool's first processes are forked from one that has no threads. One that takes a lost
            # one's place later is not; so the thread takes no lock that such a process needs, such as a log's.
            self._thread = threading.Thread(target=self._run, name="task-protection", daemon=True)
            self._thread.start()
        elif not self._protected:
            self._wake.set()

    def tell(self) -> None:
        """Log what the thread met; called by the thread that forks, which can't fork meanwhile."""
        while self._met:
            level, what = self._met.popleft()
            log.log(level, "%s", what)

    def end(self) -> None:
        """Give the protection back; waits for the agent's answer, but not longer than it may take."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2 * self._timeout)
        self.tell()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._step(time.monotonic())
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
        if self._protected:
            self._put(protect=False)

    def _step(self, now: float) -> None:
        wanted = now - self._busy_at < self._quiet
        if now < self._next_call and (self._failing or wanted == self._protected):
            return
        if not wanted and not self._protected:
            return
        self._failing = not self._put(protect=wanted)
        self._next_call = now + (self._retry if self._failing else self._renew)

    def _put(self, *, protect: bool) -> bool:
        """Ask the agent, and tell whether it did as asked; the first failure of a row is told."""
        wish: dict[str, object] = {"ProtectionEnabled": protect}
        if protect:
            wish["ExpiresInMinutes"] = EXPIRES_MINUTES
        request = urllib.request.Request(  # noqa: S310  # ECS says where its agent is
            self._url, json.dumps(wish).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        refused: object
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                answer = json.load(response)
            # A refusal, such as DEPLOYMENT_BLOCKED, is an answer like any other: `{"failure": {"Reason": ...}}`.
            refused = None if isinstance(answer, dict) and "protection" in answer else answer
        except HTTPError as error:
            with error:
                refused = error
        except (OSError, HTTPException, ValueError) as error:
            refused = error
        if refused is not None:
            if not self._failing:
                self._met.append((logging.WARNING, f"the task's protection could not be set to {protect}: {refused}"))
            return False
        self._protected = protect
        self._met.append((logging.INFO, "the task is protected" if protect else "the task is no longer protected"))
        return True


class Protection(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery publishes no types
    """A step of Celery's consumer, where ECS runs it: says in the main process whether jobs are in hand."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def include_if(self, _consumer: Any) -> bool:
        """Tell whether there is an agent to ask."""
        return "ECS_AGENT_URI" in os.environ

    def create(self, _consumer: Any) -> None:
        """Be told of every message as it comes: the loop may be busy when it is looked at next."""
        self._task = TaskProtection(os.environ["ECS_AGENT_URI"])
        signals.task_received.connect(self._received)

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Look while the loop turns."""
        hub.call_repeatedly(LOOK_SECONDS, self._look)

    def shutdown(self, _consumer: Any) -> None:
        """Give the protection back: the worker ends."""
        self._task.end()

    def _received(self, **_signal: Any) -> None:
        self._task.busy()

    def _look(self) -> None:
        self._task.tell()
        if state.reserved_requests:
            self._task.busy()
