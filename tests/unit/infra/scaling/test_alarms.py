"""Alarms see what CloudWatch would: the last full minutes, late numbers late, and missing ones as they are told to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.scaling.alarms import Metric, State, datapoints, evaluate
from infra.scaling.policy import Alarm, StepPolicy
from tests.unit.infra.scaling.changed import steps_of

NOW = 6005.0
"""Five seconds after a full minute."""

ALARM = Alarm(
    name="Three",
    metric="Load",
    statistic="Maximum",
    period=60,
    evaluation_periods=3,
    datapoints_to_alarm=3,
    comparison="GreaterThanOrEqualToThreshold",
    threshold=1,
    treat_missing="missing",
    policy=StepPolicy("ExactCapacity", 60, steps_of(1)),
)


def metric(pattern: str) -> Metric:
    """One character a minute up to the last full one: `X` breaches, `0` does not, `-` is missing."""
    made = Metric()
    for minute, sign in enumerate(pattern):
        if sign != "-":
            taken = 6000 - 60 * (len(pattern) - minute) + 30
            made.put(taken, taken, 5.0 if sign == "X" else 0.0)
    return made


@pytest.mark.parametrize(
    ("pattern", "missing", "ignore", "breaching", "not_breaching"),
    # CloudWatch's user guide, "Configuring how CloudWatch alarms treat missing data", its table for three of three.
    [
        ("0-X-X", "OK", "OK", "OK", "OK"),
        ("----0", "OK", "OK", "OK", "OK"),
        ("-----", "INSUFFICIENT_DATA", "before", "ALARM", "OK"),
        ("0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("--X--", "ALARM", "before", "ALARM", "OK"),
    ],
)
def test_missing_numbers_are_treated_as_the_guide_says(
    pattern: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    for treatment, said in zip(
        ("missing", "ignore", "breaching", "notBreaching"), (missing, ignore, breaching, not_breaching), strict=True
    ):
        for before in State:
            state, _ = evaluate(replace(ALARM, treat_missing=treatment), metric(pattern), NOW, before)
            assert state is (before if said == "before" else State(said)), treatment


def test_some_of_several_periods_are_enough_where_the_alarm_says_so() -> None:
    state, value = evaluate(replace(ALARM, datapoints_to_alarm=2), metric("X0X"), NOW, State.OK)
    assert (state, value) == (State.ALARM, 5.0)


def test_the_policy_is_told_the_latest_value_that_breaches() -> None:
    load = metric("XXX")
    load.put(5999, 5999, 9.0)
    assert evaluate(ALARM, load, NOW, State.OK) == (State.ALARM, 9.0)


def test_a_number_that_is_still_under_way_is_not_seen() -> None:
    load = Metric()
    load.put(5990, NOW + 1, 5.0)
    assert evaluate(ALARM, load, NOW, State.OK)[0] is State.INSUFFICIENT_DATA
    assert evaluate(ALARM, load, NOW + 60, State.OK)[0] is State.ALARM


def test_the_minute_that_runs_is_not_looked_at() -> None:
    load = Metric()
    load.put(6001, 6001, 5.0)
    assert datapoints(ALARM, load, NOW) == []


def test_a_long_period_slides_by_the_minute() -> None:
    ten_minutes = replace(ALARM, period=600, evaluation_periods=1, datapoints_to_alarm=1)
    load = Metric()
    load.put(5430, 5430, 7.0)
    load.put(5550, 5550, 2.0)
    assert [datapoints(ten_minutes, load, NOW + 60 * later)[-1] for later in range(3)] == [7.0, 2.0, 2.0]


@pytest.mark.parametrize(("statistic", "value"), [("Maximum", 6.0), ("Minimum", 2.0), ("Average", 4.0), ("Sum", 8.0)])
def test_numbers_of_one_period_become_one(statistic: str, value: float) -> None:
    load = Metric()
    load.put(5950, 5950, 6.0)
    load.put(5945, 5945, 2.0)  # a worker's line may come after a later one
    assert datapoints(replace(ALARM, statistic=statistic), load, NOW) == [value]
