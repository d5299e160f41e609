"""What EventBridge Scheduler takes, and what it would refuse or never fire."""

from __future__ import annotations

import json

import cfnlint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schedule_expressions import MONTHS, WEEKDAYS, schedule_expression

RIGHT = [
    "rate(1 minute)",
    "rate(5 minutes)",
    "rate(1 hour)",
    "rate(24 hours)",
    "rate(1 day)",
    "rate(365 days)",
    "at(2030-01-31T08:00:00)",
    "at(2028-02-29T23:59:59)",
    "cron(0 12 * * ? *)",
    "cron(0 9 ? * MON-FRI *)",
    "cron(0 9 ? * 2-6 *)",
    "cron(15 10 ? * 6L 2030-2031)",
    "cron(0 8 1 * ? *)",
    "cron(0/10 * ? * MON-FRI *)",
    "cron(*/5 8-17 ? * MON-FRI *)",
    "cron(0-30/10 0,6,12,18 * * ? *)",
    "cron(0 18 L * ? *)",
    "cron(0 18 ? * L *)",
    "cron(0 18 15W JAN,APR,JUL,OCT ? *)",
    "cron(0 9 ? * 3#2 *)",
    "cron(0 9 ? * TUE#5 *)",
    "cron(0 9 ? JAN-MAR SUN,SAT *)",
    "cron(0 0 29 2 ? *)",
    "cron(0 0 29 2 ? 2028)",
    "cron(0 0 30,31 2,3 ? *)",
    "cron(0 0 1/7 * ? 1970/2)",
]

WRONG = [
    ("", "must be cron"),
    ("every minute", "must be cron"),
    ("* * * * *", "must be cron"),
    ("Rate(5 minutes)", "must be cron"),
    ("rate(5 minutes) ", "must be cron"),
    ("rate(5 minutes)\n", "must be cron"),
    # --- rate
    ("rate(1 minutes)", r"must be rate\(1 minute\)"),
    ("rate(5 minute)", r"must be rate\(5 minutes\)"),
    ("rate(0 minutes)", "whole number from 1"),
    ("rate(05 minutes)", "whole number from 1"),
    ("rate(-1 minute)", "whole number from 1"),
    ("rate(1.5 hours)", "whole number from 1"),
    ("rate(30 seconds)", "whole number from 1"),
    ("rate(1 week)", "whole number from 1"),
    ("rate(5  minutes)", "whole number from 1"),
    ("rate()", "whole number from 1"),
    # --- at
    ("at(2030-02-29T08:00:00)", "date and time"),
    ("at(2030-01-31T24:00:00)", "date and time"),
    ("at(2030-01-31T08:00:00Z)", "date and time"),
    ("at(2030-01-31 08:00:00)", "date and time"),
    ("at(2030-01-31T08:00)", "date and time"),
    ("at(2030-1-31T08:00:00)", "date and time"),
    # --- cron: how many fields, and which of them is ?
    ("cron(0 12 * * ?)", "six fields"),
    ("cron(0 0 12 * * ? *)", "six fields"),
    ("cron(0  12 * * ? *)", "six fields"),
    ("cron(0 12 * * * *)", "exactly one of day-of-month and day-of-week"),
    ("cron(0 12 ? * ? *)", "exactly one of day-of-month and day-of-week"),
    ("cron(0 12 1 * MON *)", "exactly one of day-of-month and day-of-week"),
    # --- cron: numbers and names
    ("cron(60 12 * * ? *)", "minutes: 60 is not within 0-59"),
    ("cron(0 24 * * ? *)", "hours: 24 is not within 0-23"),
    ("cron(0 12 0 * ? *)", "day-of-month: 0 is not within 1-31"),
    ("cron(0 12 32 * ? *)", "day-of-month: 32 is not within 1-31"),
    ("cron(0 12 * 13 ? *)", "month: 13 is not within 1-12"),
    ("cron(0 12 * JANUARY ? *)", "month: 'JANUARY' is none of 1-12 or JAN-DEC"),
    ("cron(0 12 ? * 0 *)", "day-of-week: 0 is not within 1-7"),
    ("cron(0 12 ? * 8 *)", "day-of-week: 8 is not within 1-7"),
    ("cron(0 12 ? * mon *)", "day-of-week: 'mon' is none of 1-7 or SUN-SAT"),
    ("cron(0 12 ? * 0-6 *)", "day-of-week: 0 is not within 1-7"),
    ("cron(0 12 * * ? 1969)", "year: 1969 is not within 1970-2199"),
    ("cron(0 12 * * ? 2200)", "year: 2200 is not within 1970-2199"),
    ("cron(? 12 * * ? *)", "minutes: '\\?' is none of 0-59"),
    ("cron(0,,5 12 * * ? *)", "minutes: '' is none of 0-59"),
    ("cron(-5 12 * * ? *)", "minutes: '' is none of 0-59"),
    ("cron(٣ 12 * * ? *)", "minutes: '٣' is none of 0-59"),
    # --- cron: ranges and steps
    ("cron(0 17-8 * * ? *)", "hours: 17-8 ends before it begins"),
    ("cron(0 12 ? * FRI-MON *)", "day-of-week: FRI-MON ends before it begins"),
    ("cron(1-2-3 12 * * ? *)", "minutes: '2-3' is none of 0-59"),
    ("cron(*/0 12 * * ? *)", "minutes: the step '0' is not within 1-59"),
    ("cron(*/60 12 * * ? *)", "minutes: the step '60' is not within 1-59"),
    ("cron(*/ 12 * * ? *)", "minutes: the step '' is not within 1-59"),
    ("cron(/5 12 * * ? *)", "minutes: '' is none of 0-59"),
    ("cron(0/5/5 12 * * ? *)", "minutes: the step '5/5' is not within 1-59"),
    ("cron(0 12 ? * 2/2 *)", "day-of-week: takes no step"),
    # --- cron: L, W and #
    ("cron(L 12 * * ? *)", "minutes: 'L' is none of 0-59"),
    ("cron(0 12 1,L * ? *)", "day-of-month: 'L' is none of 1-31"),
    ("cron(0 12 32W * ? *)", "day-of-month: 32 is not within 1-31"),
    ("cron(0 12 W * ? *)", "day-of-month: '' is none of 1-31"),
    ("cron(0 12 ? * 8L *)", "day-of-week: 8 is not within 1-7"),
    ("cron(0 12 ? * 3#6 *)", "day-of-week: '6' after # is not within 1-5"),
    ("cron(0 12 ? * 3# *)", "day-of-week: '' after # is not within 1-5"),
    ("cron(0 12 ? * 3#1,5#1 *)", "day-of-week: '1,5#1' after # is not within 1-5"),
    ("cron(0 12 3#2 * ? *)", "day-of-month: '3#2' is none of 1-31"),
    # --- cron: on no calendar
    ("cron(0 0 30 2 ? *)", "day 30 comes in none of these months"),
    ("cron(0 0 31 APR,JUN,SEP,NOV ? *)", "day 31 comes in none of these months"),
    ("cron(0 0 29 2 ? 2029-2031)", "day 29 comes in none of these months"),
]


@pytest.mark.parametrize("expression", RIGHT)
def test_what_is_right_is_taken_as_it_is(expression: str) -> None:
    assert schedule_expression(expression) == expression


@pytest.mark.parametrize(("expression", "why"), WRONG)
def test_what_is_wrong_is_refused_with_the_reason(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        schedule_expression(expression)


def test_cfn_lint_takes_whatever_is_wrong_unless_it_is_empty() -> None:
    """The day it does not, this module may have become needless."""
    target = {
        "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:f",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }
    schedules = {
        f"Schedule{number}": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "ScheduleExpression": expression,
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": target,
            },
        }
        for number, (expression, _) in enumerate(WRONG)
        if expression
    }
    found = cfnlint.lint(json.dumps({"Resources": schedules}), ["eu-central-1"])
    assert [str(match) for match in found if match.rule.id.startswith("E")] == []


def field(low: int, high: int, *, names: tuple[str, ...] = (), steps: bool = True) -> st.SearchStrategy[str]:
    """Right fields of a cron expression: lists of numbers, names, ranges and steps."""
    number = st.integers(low, high)
    written = number.flatmap(lambda n: st.sampled_from([str(n), names[n - low]]) if names else st.just(str(n)))
    span = st.lists(number, min_size=2, max_size=2).map(lambda ends: f"{min(ends)}-{max(ends)}")
    part = st.one_of(st.just("*"), written, span)
    step = st.tuples(part, st.integers(1, high - low)).map(lambda both: f"{both[0]}/{both[1]}")
    return st.lists(st.one_of(part, step) if steps else part, min_size=1, max_size=4).map(",".join)


days = st.one_of(
    # A list with an early day comes in every month.
    st.tuples(
        st.one_of(st.tuples(st.integers(1, 28).map(str), field(1, 31)).map(",".join), st.just("L"), st.just("15W")),
        st.just("?"),
    ),
    st.tuples(
        st.just("?"),
        st.one_of(field(1, 7, names=WEEKDAYS, steps=False), st.just("6L"), st.just("MON#1")),
    ),
)
parts = st.tuples(field(0, 59), field(0, 23), days, field(1, 12, names=MONTHS), field(1970, 2199))


@given(parts)
def test_everything_the_documentation_describes_is_taken(made: tuple[str, str, tuple[str, str], str, str]) -> None:
    minutes, hours, (day_of_month, day_of_week), month, year = made
    schedule_expression(f"cron({minutes} {hours} {day_of_month} {month} {day_of_week} {year})")


@given(parts)
def test_no_field_is_taken_in_the_place_of_both_days(made: tuple[str, str, tuple[str, str], str, str]) -> None:
    minutes, hours, pair, month, year = made
    day = next(day for day in pair if day != "?")
    with pytest.raises(ValueError, match="exactly one"):
        schedule_expression(f"cron({minutes} {hours} {day} {month} {day} {year})")


@given(st.one_of(st.text(), st.text(alphabet="0123456789*?,-/LW# MONJAN").map(lambda text: f"cron({text})")))
def test_whatever_is_written_is_taken_as_it_is_or_refused_in_a_sentence(text: str) -> None:
    try:
        assert schedule_expression(text) == text
    except ValueError as refused:
        assert str(refused)  # noqa: PT017  # most texts are refused, some are right
