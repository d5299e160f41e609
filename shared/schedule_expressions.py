"""When EventBridge Scheduler fires: `rate(5 minutes)`, `cron(0 9 ? * MON-FRI *)`, `at(2030-01-31T08:00:00)`.

Checked before AWS sees them: cfn-lint does not look into them, and AWS refuses only when a stack is half deployed.
Only what the documentation of EventBridge Scheduler (User Guide, "Schedule types") describes is accepted.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
WEEKS_IN_A_MONTH = 5
DAYS_EVERY_MONTH_HAS = 28


def schedule_expression(value: str) -> str:
    """Return an expression that EventBridge Scheduler takes, as it is; fits `pydantic.AfterValidator`.

    Raises:
        ValueError: it would be refused, or would never fire; says why, and what would be right.
    """
    form = re.fullmatch(r"(cron|rate|at)\((.*)\)", value)
    if form is None:
        raise ValueError(f"{value!r} must be cron(...), rate(...) or at(...)")
    {"cron": _check_cron, "rate": _check_rate, "at": _check_at}[form[1]](form[2])
    return value


@dataclass(frozen=True, slots=True)
class _Field:
    """One of a cron expression's six fields.

    Attributes:
        name: as AWS calls it.
        low: the least number.
        high: the greatest number.
        names: what may be written for the numbers from `low` on.
        steps: whether `/` may follow.
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    steps: bool = True

    def values(self, text: str) -> frozenset[int]:
        """The numbers a field means that is made of `,`, `-`, `*`, `/`, numbers and names."""
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def number(self, text: str) -> int:
        """A number or a name within bounds."""
        if text in self.names:
            return self.low + self.names.index(text)
        if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
            either = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
            raise ValueError(f"{self.name}: {text!r} is none of {self.low}-{self.high}{either}")
        if not self.low <= int(text) <= self.high:
            raise ValueError(f"{self.name}: {text} is not within {self.low}-{self.high}")
        return int(text)

    def _part(self, text: str) -> range:
        span, slash, step = text.partition("/")
        return self._span(span, open_ended=bool(slash))[:: self._step(step) if slash else 1]

    def _span(self, text: str, *, open_ended: bool) -> range:
        """`open_ended`: with a step behind it, a single number means from there on."""
        if text == "*":
            return range(self.low, self.high + 1)
        first, dash, last = text.partition("-")
        start = self.number(first)
        if not dash:
            return range(start, self.high + 1 if open_ended else start + 1)
        end = self.number(last)
        if end < start:
            raise ValueError(f"{self.name}: {text} ends before it begins; write it as a list")
        return range(start, end + 1)

    def _step(self, text: str) -> int:
        if not self.steps:
            raise ValueError(f"{self.name}: takes no step (/)")
        longest = self.high - self.low
        if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= longest:
            raise ValueError(f"{self.name}: the step {text!r} is not within 1-{longest}")
        return int(text)


_MINUTES = _Field("minutes", 0, 59)
_HOURS = _Field("hours", 0, 23)
_DAY_OF_MONTH = _Field("day-of-month", 1, 31)
_MONTH = _Field("month", 1, 12, MONTHS)
_DAY_OF_WEEK = _Field("day-of-week", 1, 7, WEEKDAYS, steps=False)
_YEAR = _Field("year", 1970, 2199)


def _check_cron(text: str) -> None:
    fields = text.split(" ")
    if len(fields) != 6:  # noqa: PLR2004  # named in the sentence below
        raise ValueError("cron takes six fields, a space between: minutes hours day-of-month month day-of-week year")
    minutes, hours, day_of_month, month, day_of_week, year = fields
    _MINUTES.values(minutes)
    _HOURS.values(hours)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError("exactly one of day-of-month and day-of-week must be ?")
    days = _days_of_month(day_of_month)
    _check_day_of_week(day_of_week)
    _check_that_it_comes(days, _MONTH.values(month), _YEAR.values(year))


def _days_of_month(text: str) -> frozenset[int]:
    """The days a field names; of `?`, `L` (the last) and `15W` (the nearest weekday) the ones every month has."""
    if text in {"?", "L"}:
        return frozenset({1})
    if text.endswith("W"):
        _DAY_OF_MONTH.number(text.removesuffix("W"))
        return frozenset({1})
    return _DAY_OF_MONTH.values(text)


def _check_day_of_week(text: str) -> None:
    """Beside lists and ranges: `?`, `L` (Saturday), `6L` (the last Friday of the month), `3#2` (its second Tuesday)."""
    if text in {"?", "L"}:
        return
    if re.fullmatch(r"\dL", text, re.ASCII):
        _DAY_OF_WEEK.number(text[0])
        return
    day, hash_sign, week = text.partition("#")
    if not hash_sign:
        _DAY_OF_WEEK.values(text)
        return
    _DAY_OF_WEEK.number(day)
    if week not in {str(number + 1) for number in range(WEEKS_IN_A_MONTH)}:
        raise ValueError(f"day-of-week: {week!r} after # is not within 1-{WEEKS_IN_A_MONTH}")


def _check_that_it_comes(days: frozenset[int], months: frozenset[int], years: frozenset[int]) -> None:
    """Refuse what is on no calendar, like the 30th of February."""
    first = min(days)
    if first <= DAYS_EVERY_MONTH_HAS:
        return
    if not any(first <= monthrange(year, month)[1] for year in years for month in months):
        raise ValueError(f"day {first} comes in none of these months")


def _check_rate(text: str) -> None:
    form = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", text, re.ASCII)
    if form is None:
        raise ValueError("rate takes a whole number from 1 and minutes, hours or days, as in rate(5 minutes)")
    value, unit, plural = form.groups()
    if (value == "1") == bool(plural):
        raise ValueError(f"rate({value} {unit}{plural}) must be rate({value} {unit if plural else unit + 's'})")


def _check_at(text: str) -> None:
    try:
        exact = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007  # a schedule's time zone stands beside it
    except ValueError:
        exact = None
    # strptime forgives missing zeros.
    if exact is None or exact.isoformat() != text:
        raise ValueError("at takes a date and time without a zone, as in at(2030-01-31T08:00:00)")
