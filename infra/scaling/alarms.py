"""CloudWatch as far as scaling sees it: numbers that arrive a little late, and alarms evaluated every minute.

After CloudWatch's user guide: "Alarm evaluation window" and "Configuring how alarms treat missing data".
"""

from __future__ import annotations

import operator
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from statistics import fmean
from types import MappingProxyType
from typing import Final

from infra.scaling.policy import Alarm

_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = MappingProxyType(
    {"Maximum": max, "Minimum": min, "Average": fmean, "Sum": sum, "SampleCount": len}
)
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {
        "GreaterThanOrEqualToThreshold": operator.ge,
        "GreaterThanThreshold": operator.gt,
        "LessThanThreshold": operator.lt,
        "LessThanOrEqualToThreshold": operator.le,
    }
)

FURTHER_PERIODS: Final = 2


class State(Enum):
    """What an alarm says."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Metric:
    """One metric's numbers, each with the second it was taken and the second it can be read from on."""

    def __init__(self) -> None:
        self._numbers: list[tuple[float, float, float]] = []

    def put(self, taken: float, readable: float, value: float) -> None:
        """Add a number."""
        insort(self._numbers, (taken, readable, value))

    def between(self, begin: float, end: float, now: float) -> list[float]:
        """The numbers taken from `begin` to before `end` that can be read by `now`."""
        first, last = bisect_left(self._numbers, (begin,)), bisect_left(self._numbers, (end,))
        return [value for _, readable, value in self._numbers[first:last] if readable <= now]


def datapoints(alarm: Alarm, metric: Metric, now: float) -> list[float]:
    """One value a period that has any, oldest first: of as many periods as the alarm asks for, or fewer.

    CloudWatch looks at a few more periods and passes over empty ones. How many more is not documented; the guide's
    example has two, and so have we. The newest period ends at the last full minute.
    """
    end = now - now % 60
    edges = [end - alarm.period * back for back in range(alarm.evaluation_periods + FURTHER_PERIODS, -1, -1)]
    found = [metric.between(begin, until, now) for begin, until in pairwise(edges)]
    return [_STATISTICS[alarm.statistic](values) for values in found if values][-alarm.evaluation_periods :]


def evaluate(alarm: Alarm, metric: Metric, now: float, before: State) -> tuple[State, float | None]:
    """What an alarm says at `now`, and the value its policy is told: the latest one that breaches."""
    points = datapoints(alarm, metric, now)
    breaches = [point for point in points if _COMPARISONS[alarm.comparison](point, alarm.threshold)]
    missing = alarm.evaluation_periods - len(points)
    wanted = alarm.datapoints_to_alarm
    if alarm.treat_missing == "missing":
        if not points:
            return State.INSUFFICIENT_DATA, None
        wanted = min(wanted, len(points))  # those that are there decide
    elif alarm.treat_missing == "ignore" and missing and len(breaches) == len(points):
        return before, None
    elif alarm.treat_missing == "breaching":
        wanted -= missing
    if len(breaches) < wanted:
        return State.OK, None
    return State.ALARM, breaches[-1] if breaches else None
