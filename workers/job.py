"""The @job wrapper: all task policy lives here.

A job function takes its message and a `Run`, and knows nothing of Celery. Around it: the claim (a second delivery finds
nothing to claim), the lease that is renewed while work goes on, the attempt cap, back-off, what a failure means, and
one line in the log, which is the job's metrics as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from billiard.einfo import ExceptionInfo
from celery import Task
from celery.exceptions import SoftTimeLimitExceeded

from shared import metrics
from shared.bootstrap import Services, services
from shared.config import Delivery, Telemetry
from shared.contracts import Job, fleet_of
from shared.errors import DatabaseUnavailable, Transient, TwolaneError
from shared.metrics import Metric
from shared.models import JobStatus
from shared.services.jobs import Claim, Jobs
from shared.services.ledger import DocumentGone
from workers.app import HARD_LIMIT_SECONDS, app
from workers.load import LoadWatch

log = logging.getLogger(__name__)

J = TypeVar("J", bound=Job)

SOFT_MARGIN_SECONDS = 10
"""How long before the hard limit, which kills the process, a job is told to stop."""

RESENDS_OF_A_LOST_CHILD = 2
"""Times Celery itself sends a message again whose child was killed; the relay is behind it."""


class JobTimeout(Transient):
    """A job ran into its time limit."""

    code = "job_timeout"


class LeaseLost(TwolaneError):
    """Another worker has the job: stop, quietly."""

    code = "lease_lost"
    status = 409


@dataclass(slots=True)
class Lease:
    """A claim that is being kept. `lost` turns true when another took it over or the job was cancelled."""

    claim: Claim
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What a job function gets beside its message."""

    services: Services
    claim: Claim
    lease: Lease = field(repr=False)
    measured: dict[Metric, float] = field(default_factory=dict, repr=False)

    def measure(self, metric: Metric, value: float) -> None:
        """Add to a metric of this attempt, which is written when it ends, however it ends."""
        self.measured[metric] = self.measured.get(metric, 0) + value

    def check(self) -> None:
        """Go on only while the job is ours; call it between steps.

        Raises:
            LeaseLost: it no longer is.
        """
        if self.lease.lost:
            message = f"The job {self.claim.job_id} was taken over or cancelled."
            raise LeaseLost(message)


class Heartbeat:
    """One thread a process that renews the lease of the job in hand, three times in its length.

    Args:
        jobs: renews.
        lease_seconds: how long a lease is.
    """

    def __init__(self, jobs: Jobs, lease_seconds: float) -> None:
        self._jobs = jobs
        self._interval = lease_seconds / 3
        self._lease: Lease | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    @contextmanager
    def keep(self, lease: Lease) -> Iterator[None]:
        """Renew a lease until the block ends."""
        self._lease = lease
        try:
            yield
        finally:
            self._lease = None

    def stop(self) -> None:
        """End the thread, and wait for a renewal that is under way."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(self._interval):
            lease = self._lease
            if lease is None:
                continue
            try:
                lease.lost = not self._jobs.renew(lease.claim)
            except DatabaseUnavailable as error:
                log.warning("the lease could not be renewed: %s", error)


@cache
def heartbeat() -> Heartbeat:
    """The heartbeat of this process, started with its first job."""
    return Heartbeat(services().jobs, Delivery().lease_seconds)


class JobTask(Task):  # type: ignore[misc]  # Celery publishes no types
    """A Celery task whose truth is a row."""

    abstract = True
    fleet: str
    max_retries = RESENDS_OF_A_LOST_CHILD
    default_retry_delay = 1

    def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: dict[str, Any], einfo: ExceptionInfo) -> None:
        """End the lease of a killed child, in its parent, so that the message sent again finds the job free."""
        del args, einfo
        services().jobs.release(UUID(kwargs["job_id"]))
        retried = metrics.fields({metrics.JOBS_RETRIED: 1}, stack=stack_name(), fleet=self.fleet)
        metrics.log.warning("the process of task %s was lost: %s", task_id, exc, extra=retried)


def job(message: type[J], *, time_limit: float = HARD_LIMIT_SECONDS) -> Callable[[Callable[[J, Run], None]], Any]:
    """Make a function the worker of a message.

    Args:
        message: the contract; its name is the task's name.
        time_limit: seconds after which the process is killed; it is told `SOFT_MARGIN_SECONDS` before.

    Returns:
        A decorator that leaves the function as it is, callable with a message and a `Run`.
    """

    def declare(function: Callable[[J, Run], None]) -> Callable[[J, Run], None]:
        def consume(job_id: str, **payload: Any) -> None:
            perform(function, message, UUID(job_id), payload)

        app.task(
            consume,
            name=message.name,
            base=JobTask,
            fleet=fleet_of(message.queue),
            time_limit=time_limit,
            soft_time_limit=time_limit - SOFT_MARGIN_SECONDS,
        )
        return function

    return declare


def perform(function: Callable[[J, Run], None], message: type[J], job_id: UUID, payload: dict[str, Any]) -> None:
    """Claim a job, run its function, write down how it ended.

    Raises:
        DatabaseUnavailable: the end could not be written; the lease runs out and the relay takes the job up.
    """
    jobs = services().jobs
    claim = jobs.claim(job_id)
    if claim is None:
        log.info("nothing to claim", extra={"job": message.name, "job_id": job_id})
        return
    run = Run(services(), claim, lease=Lease(claim))
    with heartbeat().keep(run.lease):
        if (load := load_watch().look(fleet_of(message.queue))) is not None:
            run.measure(metrics.LOAD, load)
        started = time.perf_counter()
        outcome = _attempt(function, message, payload, run)
    run.measure(metrics.JOB_SECONDS, round(time.perf_counter() - started, 6))
    if outcome.counted is not None:
        run.measure(outcome.counted, 1)
    written = metrics.fields(run.measured, stack=stack_name(), fleet=fleet_of(message.queue))
    # One line a job, for people and for CloudWatch.
    metrics.log.info(outcome.said, extra={"job": message.name, "job_id": job_id, "attempt": claim.attempt, **written})


@cache
def load_watch() -> LoadWatch:
    """What this process sees of the load."""
    # The broker is made with the first look, which may have to read a secret and may fail: that costs no job.
    return LoadWatch(lambda: services().broker.fleets())  # noqa: PLW0108  # makes the broker later


@cache
def stack_name() -> str:
    """Which deployment this worker is of."""
    return Telemetry().stack_name


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: in words, and as what it counts; None where the job was not ours to end."""

    said: str
    counted: Metric | None


_COUNTED: Mapping[JobStatus | None, Metric] = {
    JobStatus.QUEUED: metrics.JOBS_RETRIED,
    JobStatus.FAILED: metrics.JOBS_FAILED,
}


def _attempt(function: Callable[[J, Run], None], message: type[J], payload: dict[str, Any], run: Run) -> Outcome:
    """Run one attempt and write down how it ended."""
    jobs = run.services.jobs
    try:
        function(message.model_validate(payload), run)
    except (DocumentGone, LeaseLost) as gone:
        jobs.succeed(run.claim)
        return Outcome(str(gone), None)
    except SoftTimeLimitExceeded:
        return _failed(run, JobTimeout(f"{message.name} ran into its time limit."))
    except TwolaneError as error:
        return _failed(run, error)
    except Exception as error:
        log.exception("%s failed", message.name)
        return _failed(run, error)
    return Outcome("succeeded", metrics.JOBS_SUCCEEDED if jobs.succeed(run.claim) else None)


def _failed(run: Run, error: Exception) -> Outcome:
    status = run.services.jobs.fail(run.claim, error)
    return Outcome(f"{status or 'no longer ours'}: {str(error) or repr(error)}", _COUNTED.get(status))
