"""Rates that concurrent functions hold together: the generic cell rate algorithm over one row.

`free_at` is when the next message may leave. Each that leaves moves it on by `1 / rate` seconds, by one conditional
UPDATE, so that however many functions send, no more leave than may.
Source: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import select, update

from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import RateExceeded
from shared.models import Rate, utcnow


class Rates:
    """Slots in time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, rate: float, patience_seconds: float) -> None:
        """Take a slot, and wait for it.

        Args:
            name: of what is held.
            rate: slots a second; 0 holds nothing.
            patience_seconds: how far off the slot may be.

        Raises:
            RateExceeded: every slot that near is taken; `retry_after` says when one may be free.
        """
        if not rate:
            return
        wait = self._reserve(name, timedelta(seconds=1 / rate), timedelta(seconds=patience_seconds))
        if wait > 0:
            time.sleep(wait)

    def _reserve(self, name: str, step: timedelta, patience: timedelta) -> float:
        """Move the row on; return the seconds until the slot that was taken."""
        with self._database.write() as work:
            known = insert_into(work.session, Rate).values(name=name, free_at=utcnow())
            work.session.execute(known.on_conflict_do_nothing())
            free_at = work.session.scalars(select(Rate.free_at).where(Rate.name == name).with_for_update()).one()
            # Of now that the row is ours: a slot from before the wait for it would be past, and so would the next ones.
            now = utcnow()
            slot = max(free_at, now)
            if slot > now + patience:
                seconds = (slot - now).total_seconds()
                message = f"As many as may leave in a second are leaving already; again in {seconds:.1f} s."
                raise RateExceeded(message, retry_after=seconds)
            work.session.execute(update(Rate).where(Rate.name == name).values(free_at=slot + step))
        return (slot - utcnow()).total_seconds()
