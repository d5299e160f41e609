"""Budgets that concurrent functions keep together: one row a period, moved by conditional UPDATEs."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import SpendCapReached
from shared.models import Spend

MICROS = 1_000_000
"""Of a dollar."""

PAID_ONCE = "textract:"
"""What the names of budgets begin with that hold one document once; they are forgotten when nobody asks any more."""


def micros_of(dollars: float) -> int:
    """Dollars in millionths; the float's last bits are no money."""
    return round(dollars * MICROS)


class Budget:
    """What may be spent on one thing in a calendar month, UTC.

    Args:
        database: where what was spent is counted.
        name: of the thing.
        micros: a month's, in millionths of a dollar.
    """

    def __init__(self, database: Database, name: str, micros: int) -> None:
        self._database = database
        self._name = name
        self._micros = micros

    def check(self, cost: int, now: datetime) -> None:
        """Ask whether so much can be spent now; others may spend it meanwhile.

        Args:
            cost: in millionths of a dollar.
            now: the time.

        Raises:
            SpendCapReached: not this month; `retry_after` says when the next begins.
        """
        with self._database.read() as session:
            row = session.get(Spend, self._period(now))
        if (row.micros if row else 0) + cost > self._micros:
            raise self._reached(now)

    def reserve(self, cost: int, now: datetime) -> str:
        """Count so much as spent; return the period it is counted in.

        Raises:
            SpendCapReached: that would be more than there is; nothing was counted.
        """
        period = self._period(now)
        with self._database.write() as work:
            work.session.execute(
                insert_into(work.session, Spend).values(period=period, micros=0).on_conflict_do_nothing()
            )
            counted = work.session.execute(
                update(Spend)
                .where(Spend.period == period, Spend.micros + cost <= self._micros)
                .values(micros=Spend.micros + cost)
                .returning(Spend.period)
            )
            if counted.first() is None:
                raise self._reached(now)
        return period

    def release(self, cost: int, period: str) -> None:
        """Count what was reserved as not spent."""
        with self._database.write() as work:
            work.session.execute(update(Spend).where(Spend.period == period).values(micros=Spend.micros - cost))

    def _period(self, now: datetime) -> str:
        return f"{self._name}:{now.astimezone(UTC):%Y-%m}"

    def _reached(self, now: datetime) -> SpendCapReached:
        wait = next_month(now) - now
        message = (
            f"The month's budget of {self._micros / MICROS:.2f} dollars for {self._name} is used up; try again next "
            f"month, or ask an admin to raise it."
        )
        return SpendCapReached(message, retry_after=math.ceil(wait.total_seconds()))


def next_month(now: datetime) -> datetime:
    """When the next calendar month begins, UTC."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)
