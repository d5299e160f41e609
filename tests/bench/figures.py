"""What a benchmark says: lines of a value with its unit, some of them beside a target."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """A limit a value should keep: at least it, or at most."""

    limit: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Tell whether a value keeps the limit."""
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Line:
    """One value, and its target if it has one.

    Attributes:
        what: what was measured, in words.
        value: in `unit`; a ratio has the unit `x`.
    """

    what: str
    value: float
    unit: str
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.met(self.value)

    def __str__(self) -> str:
        amount = f"{self.value:,.2f}" if abs(self.value) < 100 else f"{self.value:,.0f}"
        verdict = f"  target {self.target} {self.unit}: {'met' if self.met else 'NOT MET'}" if self.target else ""
        return f"  {self.what:<66} {amount:>9} {self.unit:<7}{verdict}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """The line for programs."""
        target = None if self.target is None else str(self.target)
        return {"what": self.what, "value": self.value, "unit": self.unit, "target": target, "met": self.met}


def alternate(rounds: int, *measures: Callable[[], float], say: Callable[[str], None]) -> list[list[float]]:
    """Measure one after the other, round after round, so that what disturbs the machine disturbs all alike.

    Returns:
        For each measure its values, in order.
    """
    values: list[list[float]] = [[] for _ in measures]
    for number in range(rounds):
        for measure, found in zip(measures, values, strict=True):
            found.append(measure())
        say(f"round {number + 1} of {rounds}: " + ", ".join(f"{found[-1]:.3g}" for found in values))
    return values


def median(values: Sequence[float]) -> float:
    """The value half of the others do not reach."""
    return float(statistics.median(values))
