"""ECS and the workers: tasks that take their time to start, read what waits, and are spared while they read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf

SECONDS_PER_PAGE = 1.6
"""CPU seconds of a scanned page of 300 dpi, as `make bench BENCH="--only cost"` measured them on an AMD EPYC."""

MINIMUM_BILLED_SECONDS = 60
"""Fargate bills by the second from the start of the image's download to the task's end, a minute at least."""


@dataclass(frozen=True, slots=True)
class Work:
    """One message: pages that are read by one worker, one after the other."""

    arrived: float
    pages: int


@dataclass(frozen=True, slots=True)
class Worker:
    """What a task can do.

    Attributes:
        vcpu, memory_gb: of one task.
        seconds_per_page: CPU seconds a page takes, all processes together.
        start_seconds: from the decision until it consumes: placement, image, start of Python.
        unbilled_seconds: the part of them before the image's download begins.
        protection: whether a task with a job in hand is under ECS task protection.
        looks_every: at most so often a worker counts the load as it takes a job, and writes it with the job's metrics.
    """

    vcpu: float = 1
    memory_gb: float = 2
    seconds_per_page: float = SECONDS_PER_PAGE
    start_seconds: float = 60
    unbilled_seconds: float = 15
    protection: bool = True
    looks_every: float = 5

    @property
    def lanes(self) -> int:
        """Jobs a task does at once: one a vCPU, as the engine is given one thread."""
        return max(1, int(self.vcpu))

    def reading_seconds(self, pages: int) -> float:
        """How long one job takes; a task of less than a vCPU takes longer."""
        return pages * self.seconds_per_page / min(1.0, self.vcpu)


@dataclass(slots=True)
class _Lane:
    """What does one job after the other: free from `free` on, or busy with `work` until then."""

    free: float
    work: Work | None = None
    looked: float = -inf


@dataclass(slots=True)
class _Task:
    began: float
    lanes: list[_Lane]

    @property
    def jobs(self) -> list[Work]:
        """What it has in hand."""
        return [lane.work for lane in self.lanes if lane.work is not None]


class Service:
    """One ECS service on Fargate and the queue its workers consume.

    Attributes:
        waiting: what nobody has taken yet, oldest first.
        seen: what workers saw when they took a job: the second it ended, when it is written, and the load.
        lost: jobs interrupted by scaling in; the queue has them again.
        pages_read: so far.
        billed_seconds: of all tasks that have ended.
    """

    def __init__(self, worker: Worker) -> None:
        self.waiting: deque[Work] = deque()
        self.seen: list[tuple[float, int]] = []
        self.lost = 0
        self.pages_read = 0
        self.billed_seconds = 0
        self._worker = worker
        self._tasks: list[_Task] = []

    @property
    def tasks(self) -> int:
        """Tasks that exist, starting ones included."""
        return len(self._tasks)

    @property
    def load(self) -> int:
        """Messages waiting and in hand."""
        return len(self.waiting) + sum(len(task.jobs) for task in self._tasks)

    def oldest_age(self, now: float) -> float:
        """Seconds the first in the queue has waited; 0 where nobody waits."""
        return now - self.waiting[0].arrived if self.waiting else 0.0

    def step(self, now: float, desired: int) -> None:
        """One second: jobs end, ECS starts or stops tasks, workers take what waits."""
        for task in self._tasks:
            for lane in task.lanes:
                self._finish(lane, now)
        self._reconcile(now, desired)
        for task in self._tasks:
            for lane in task.lanes:
                self._work(lane, now)

    def close(self, now: float) -> None:
        """Bill the tasks that still run."""
        self.billed_seconds += sum(self._billed(task, now) for task in self._tasks)

    def _finish(self, lane: _Lane, now: float) -> None:
        if lane.work is not None and lane.free <= now:
            self.pages_read += lane.work.pages
            lane.work = None

    def _work(self, lane: _Lane, now: float) -> None:
        """Take jobs until one is still in hand at `now`; each begins when the one before ended."""
        while lane.work is None and lane.free <= now and self.waiting:
            lane.work = self.waiting.popleft()
            lane.free = max(lane.free, now - 1, lane.work.arrived) + self._worker.reading_seconds(lane.work.pages)
            if now - lane.looked >= self._worker.looks_every:
                lane.looked = now
                self.seen.append((lane.free, self.load))
            self._finish(lane, now)

    def _reconcile(self, now: float, desired: int) -> None:
        while len(self._tasks) < desired:
            ready = now + self._worker.start_seconds
            self._tasks.append(_Task(now, [_Lane(ready) for _ in range(self._worker.lanes)]))
        spare = len(self._tasks) - desired
        if spare <= 0:
            return
        # ECS promises no order. The oldest first, busy or not, is the worst case; protected ones are spared.
        for task in [task for task in self._tasks if not (task.jobs and self._worker.protection)][:spare]:
            self._stop(task, now)

    def _stop(self, task: _Task, now: float) -> None:
        self._tasks.remove(task)
        self.billed_seconds += self._billed(task, now)
        self.lost += len(task.jobs)
        self.waiting.extendleft(task.jobs)

    def _billed(self, task: _Task, now: float) -> int:
        pulling = task.began + self._worker.unbilled_seconds
        return max(MINIMUM_BILLED_SECONDS, ceil(now - pulling)) if now > pulling else 0
