"""Time passes: documents arrive, numbers are published, alarms look at them, tasks come and go. One step a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from infra.scaling.alarms import Metric
from infra.scaling.autoscaling import EVERY_SECONDS, AutoScaling
from infra.scaling.curves import MINUTE, Curve
from infra.scaling.policy import Scaling
from infra.scaling.service import Service, Worker

SHORTEST = 2 * 60 * MINUTE
LONGEST = 24 * 60 * MINUTE
AFTERWARDS = 30 * MINUTE
FLAP_SECONDS = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a simulation assumes of the world around the fleet.

    Attributes:
        min_tasks, max_tasks: the scalable target's limits.
        worker: a task.
        publish_second: the second of each minute at which `publish_metrics` counts.
        publish_delay: seconds until a number on standard output can be seen by an alarm, through the logs.
        evaluate_second: the second of each minute at which alarms look.
        silences: spans of seconds, begin and end, in which the publisher says nothing.
    """

    min_tasks: int = 0
    max_tasks: int = 32
    worker: Worker = field(default_factory=Worker)
    publish_second: int = 20
    publish_delay: float = 15
    evaluate_second: int = 5
    silences: Sequence[tuple[float, float]] = ()

    def silent(self, now: float) -> bool:
        """Whether the publisher says nothing."""
        return any(begin <= now < end for begin, end in self.silences)


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand at one second."""

    now: float
    waiting: int
    load: int
    oldest_age: float
    desired: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a load.

    Attributes:
        moments: one a second.
        pages: that came.
        pages_read: of them.
        task_seconds: billed.
        lost: jobs that scaling in interrupted.
    """

    moments: Sequence[Moment]
    pages: int
    pages_read: int
    task_seconds: int
    lost: int

    @property
    def max_age(self) -> float:
        """The longest anybody was seen waiting, in seconds."""
        return max(moment.oldest_age for moment in self.moments)

    @property
    def p95_age(self) -> float:
        """The age of the oldest message that 95 of 100 seconds with anybody waiting stay below."""
        ages = sorted(moment.oldest_age for moment in self.moments if moment.waiting)
        return ages[int(0.95 * (len(ages) - 1))] if ages else 0.0

    @property
    def max_tasks(self) -> int:
        """The most tasks there were."""
        return max(moment.tasks for moment in self.moments)

    @property
    def drained(self) -> float | None:
        """The second from which on there was no work; None if there still is."""
        busy = [moment.now for moment in self.moments if moment.load]
        if not busy:
            return 0.0
        return None if busy[-1] == self.moments[-1].now else busy[-1] + 1

    @property
    def emptied(self) -> float | None:
        """The second from which on there was no task; None if there still is one."""
        alive = [moment.now for moment in self.moments if moment.tasks]
        if not alive:
            return 0.0
        return None if alive[-1] == self.moments[-1].now else alive[-1] + 1

    def changes(self) -> list[tuple[float, int]]:
        """The seconds at which the desired number of tasks changed, with the new number; the first is the beginning."""
        first = (self.moments[0].now, self.moments[0].desired)
        pairs = pairwise(self.moments)
        return [first, *((after.now, after.desired) for before, after in pairs if after.desired != before.desired)]

    def turns(self) -> int:
        """How often the desired number of tasks changed its direction, from more to fewer or back."""
        directions = [after > before for (_, before), (_, after) in pairwise(self.changes())]
        return sum(one is not other for one, other in pairwise(directions))

    def flaps(self) -> int:
        """How often half of the tasks or more were given up and wanted again within ten minutes."""
        changes = self.changes()
        return sum(
            any(later > when and later - when <= FLAP_SECONDS and again >= before for later, again in changes)
            for (_, before), (when, after) in pairwise(changes)
            if after <= before / 2
        )


def simulate(scaling: Scaling, curve: Curve, conditions: Conditions | None = None) -> Outcome:
    """Play a load through until it is done and half an hour has passed, two hours at least, a day at most."""
    conditions = conditions or Conditions()
    fleet = AutoScaling(scaling, conditions.min_tasks, conditions.max_tasks)
    service, load, moments = Service(conditions.worker), Metric(), list[Moment]()
    arrivals = list(reversed(curve.arrivals))
    now, until = 0, max(SHORTEST, int(curve.last) + AFTERWARDS)
    while now < until:
        while arrivals and arrivals[-1].arrived <= now:
            service.waiting.append(arrivals.pop())
        if now % MINUTE == conditions.publish_second and not conditions.silent(now):
            load.put(now, now + conditions.publish_delay, service.load)
        if now % EVERY_SECONDS == conditions.evaluate_second:
            fleet.look(load, now)
        service.step(now, fleet.desired)
        for ended, seen in service.seen:
            load.put(ended, ended + conditions.publish_delay, seen)
        service.seen.clear()
        moments.append(
            Moment(now, len(service.waiting), service.load, service.oldest_age(now), fleet.desired, service.tasks)
        )
        if service.load:
            until = min(max(until, now + AFTERWARDS), LONGEST)
        now += 1
    service.close(now)
    return Outcome(moments, curve.pages, service.pages_read, service.billed_seconds, service.lost)
