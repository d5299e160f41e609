"""A few places at a time for each who wants many: one that is slow takes up its own places, not everybody's.

A place is a row of `rates`, free from `free_at` on. Taken by one conditional UPDATE, it is never another's as well,
however many functions ask; left by a function that died, it is free again when its time is over.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import DatabaseUnavailable, Postponed
from shared.models import Rate, utcnow

_LONG_FREE = datetime(2000, 1, 1, tzinfo=UTC)
"""Not now: who waits for the row may have looked at the clock before."""

log = logging.getLogger(__name__)


class Places:
    """The places.

    Args:
        database: where they are.
        count: places of each name.
        seconds: how long one is held at most.
    """

    def __init__(self, database: Database, count: int, seconds: float) -> None:
        self._database = database
        self._count = count
        self._longest = timedelta(seconds=seconds)

    @contextmanager
    def hold(self, name: str, retry_after: float) -> Iterator[None]:
        """Hold a place.

        Args:
            name: whose; at most 55 characters.
            retry_after: seconds until somebody who finds none may ask again.

        Raises:
            Postponed: all are taken.
        """
        until = utcnow() + self._longest
        place = self._take([f"{name}:{number}" for number in range(self._count)], until)
        if place is None:
            message = f"All {self._count} places of {name} are taken; this waits for one."
            raise Postponed(message, retry_after=retry_after)
        try:
            yield
        finally:
            self._leave(place, until)

    def _take(self, names: list[str], until: datetime) -> str | None:
        with self._database.write() as work:
            place = _free(work.session, names, until)
            if place is None:
                # There may never have been any, or somebody else is making them at this moment.
                _make(work.session, names)
                place = _free(work.session, names, until)
        return place

    def _leave(self, place: str, until: datetime) -> None:
        # Where it was held for too long it may be another's by now.
        mine = (Rate.name == place, Rate.free_at == until)
        try:
            with self._database.write() as work:
                work.session.execute(update(Rate).where(*mine).values(free_at=_LONG_FREE))
        except DatabaseUnavailable as error:
            # It is free again by itself; what was done in it is what counts.
            log.warning("the place %s stays taken for a while: %s", place, error.detail)


def _free(session: Session, names: list[str], until: datetime) -> str | None:
    """Take one that is free."""
    free = select(Rate.name).where(Rate.name.in_(names), Rate.free_at <= utcnow()).limit(1)
    locked = free.with_for_update(skip_locked=True).scalar_subquery()
    return session.scalar(update(Rate).where(Rate.name == locked).values(free_at=until).returning(Rate.name))


def _make(session: Session, names: list[str]) -> None:
    """Make the places that there never were, or wait for who is making them."""
    rows = [{"name": name, "free_at": _LONG_FREE} for name in names]
    session.execute(insert_into(session, Rate).values(rows).on_conflict_do_nothing())
