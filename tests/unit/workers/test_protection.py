"""Task protection against an agent that answers, fails, refuses and is silent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.ecs_agent import EcsAgent
from tests.support.programs import free_port
from tests.support.waiting import wait_until
from workers.protection import EXPIRES_MINUTES, TaskProtection


@pytest.fixture
def agent() -> Iterator[EcsAgent]:
    with EcsAgent() as agent:
        yield agent


@contextmanager
def protection(
    uri: str, *, quiet: float = 0.2, renew: float = 60.0, retry: float = 0.05, timeout: float = 1.0
) -> Iterator[TaskProtection]:
    """A task whose minutes are short."""
    task = TaskProtection(uri, quiet_seconds=quiet, renew_seconds=renew, retry_seconds=retry, timeout_seconds=timeout)
    try:
        yield task
    finally:
        task.end()


def busy_until(task: TaskProtection, condition: Callable[[], object], what: str) -> None:
    """Be busy without a pause until something is so."""

    def so() -> object:
        task.busy()
        return condition()

    wait_until(so, 10, what)


def test_a_task_is_protected_while_it_is_busy_and_no_longer(agent: EcsAgent) -> None:
    with protection(agent.uri) as task:
        task.busy()
        wait_until(lambda: agent.protected == [True, False], 10, "protection, and its end")
    assert agent.wishes[0] == {"ProtectionEnabled": True, "ExpiresInMinutes": EXPIRES_MINUTES}
    assert agent.wishes[1] == {"ProtectionEnabled": False}
    assert agent.protected == [True, False]


def test_a_stream_of_jobs_costs_one_call(agent: EcsAgent) -> None:
    with protection(agent.uri, quiet=2) as task:
        busy_until(task, lambda: agent.wishes, "the first call")
        until = time.monotonic() + 1.5
        busy_until(task, lambda: time.monotonic() > until, "a second and a half of work")
        assert agent.protected == [True]
    # What is protected when the worker ends is given back.
    assert agent.protected == [True, False]


def test_protection_is_renewed_long_before_it_expires(agent: EcsAgent) -> None:
    with protection(agent.uri, renew=0.1) as task:
        busy_until(task, lambda: len(agent.wishes) >= 3, "two renewals")
        assert set(agent.protected) == {True}


def test_the_next_job_is_protected_at_once(agent: EcsAgent) -> None:
    with protection(agent.uri, renew=600) as task:
        task.busy()
        wait_until(lambda: agent.protected == [True, False], 10, "protection, and its end")
        task.busy()
        wait_until(lambda: agent.protected == [True, False, True], 10, "protection again")


@pytest.mark.parametrize("trouble", ["error", "refusal"])
def test_a_failing_agent_is_asked_again_and_complained_of_once(
    agent: EcsAgent, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    caplog.set_level(logging.INFO)
    agent.status, agent.refusing = (500, False) if trouble == "error" else (200, True)
    with protection(agent.uri) as task:
        busy_until(task, lambda: len(agent.wishes) >= 3, "three tries")
        agent.status, agent.refusing = 200, False
        busy_until(task, lambda: "the task is protected" in caplog.text, "protection at last")
    # A process forked while the agent's thread writes a line would inherit a lock that nobody ever releases.
    assert {record.threadName for record in caplog.records} == {"MainThread"}
    complaints = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(complaints) == 1
    assert ("DEPLOYMENT_BLOCKED" if trouble == "refusal" else "500") in complaints[0].getMessage()


def test_a_silent_agent_delays_nobody(agent: EcsAgent, caplog: pytest.LogCaptureFixture) -> None:
    agent.silence()
    with protection(agent.uri, timeout=0.3) as task:
        began = time.monotonic()
        busy_until(task, lambda: len(agent.wishes) >= 2, "two tries")
        for _ in range(1000):
            task.busy()
        ended = time.monotonic()
    assert ended - began < 5
    assert time.monotonic() - ended < 2
    assert "could not be set" in caplog.text


def test_an_agent_that_is_not_there_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with protection(f"http://127.0.0.1:{free_port()}/api/token") as task:
        busy_until(task, lambda: "could not be set" in caplog.text, "a complaint")


def test_a_worker_without_jobs_asks_for_nothing(agent: EcsAgent) -> None:
    with protection(agent.uri):
        pass
    assert agent.wishes == []
