"""Circuit breakers: a destination that fails again and again is left alone for a while, by every function at once.

Their state lies in the database, so that concurrent functions share it and a flush of Redis changes nothing. Closed:
all may call. After `FAILURES` failures in a row it opens, and nobody calls until its time is up; then one caller may
probe. A success closes it, a failure opens it for twice as long. Calls that were under way when it opened and fail
after that change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import CircuitOpen
from shared.models import Circuit, utcnow

FAILURES = 5
"""In a row, before it opens."""

OPEN_SECONDS = 30.0
"""How long it stays open for the first time; doubles with every opening in a row."""

LONGEST_OPEN_SECONDS = 600.0

PROBE_SECONDS = 30.0
"""How long a probe may take before another may try."""


def of_url(url: str) -> str:
    """The circuit of an address, `host:SCHEME:NAME:PORT`, which every account shares that calls there.

    Nothing but being out of reach counts against it: what a host answers depends on the path, and whoever names a path
    that fails must not stop what others send to the same host. So does the scheme: https on a port of http fails.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"host:{parts.scheme}:{(parts.hostname or '').lower()}:{port}"[:300]


def of_webhook(webhook_id: UUID) -> str:
    """The circuit of one webhook: what its receiver answers, or leaves unanswered, concerns nobody else."""
    return f"webhook:{webhook_id}"


def of_callback(account_id: UUID, url: str) -> str:
    """The circuit of an account's callbacks to one host: each document may name another."""
    return f"callbacks:{account_id}:{of_url(url)}"[:300]


def of_provider(name: str) -> str:
    """The circuit of a provider: `ses`, `smtp`, `sns`."""
    return f"provider:{name}"


class Circuits:
    """The breakers.

    Call `enter` before, and `succeeded` or `failed` after. An answer that refuses a message is a success: whoever
    answers is well. A probe of which neither is told counts as lost after `PROBE_SECONDS`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, name: str) -> None:
        """Ask whether a destination may be called.

        Raises:
            CircuitOpen: not now; `retry_after` says when.
        """
        now = utcnow()
        with self._database.read() as session:
            row = session.get(Circuit, name)
        if row is None or row.open_until is None:
            return
        if row.open_until > now:
            raise _open(row, row.open_until, now)
        if not self._probe(name, now):
            raise _open(row, row.probe_until or now + timedelta(seconds=PROBE_SECONDS), now)

    def succeeded(self, name: str) -> None:
        """Close a circuit; writes nothing where there is nothing to close."""
        with self._database.read() as session:
            row = session.get(Circuit, name)
        if row is None or (row.failures == 0 and row.open_until is None):
            return
        with self._database.write() as work:
            work.session.execute(
                update(Circuit)
                .where(Circuit.name == name)
                .values(failures=0, openings=0, open_until=None, probe_until=None, updated_at=utcnow())
            )

    def failed(self, name: str, error: str) -> None:
        """Count a failure; the one that is too much, or a failed probe, opens the circuit."""
        with self._database.write() as work:
            work.session.execute(
                insert_into(work.session, Circuit)
                .values(name=name, failures=0, openings=0, updated_at=utcnow())
                .on_conflict_do_nothing()
            )
            row = work.session.get_one(Circuit, name, with_for_update=True, populate_existing=True)
            # The time now that the row is ours, not before the wait for it.
            now = utcnow()
            row.failures += 1
            row.last_error, row.updated_at = error[:500], now
            still_open = row.open_until is not None and row.open_until > now
            if row.failures >= FAILURES and not still_open:
                row.openings += 1
                seconds = min(OPEN_SECONDS * 2 ** min(row.openings - 1, 20), LONGEST_OPEN_SECONDS)
                row.open_until, row.probe_until = now + timedelta(seconds=seconds), None

    def troubled(self) -> Sequence[Circuit]:
        """Those that are not closed, or have failed and not succeeded since; the latest first."""
        with self._database.read() as session:
            query = select(Circuit).where(or_(Circuit.failures > 0, Circuit.open_until.is_not(None)))
            return session.scalars(query.order_by(Circuit.updated_at.desc()).limit(200)).all()

    def _probe(self, name: str, now: datetime) -> bool:
        """Take the one probe; False where another has it."""
        with self._database.write() as work:
            taken = work.session.execute(
                update(Circuit)
                .where(
                    Circuit.name == name,
                    Circuit.open_until <= now,
                    or_(Circuit.probe_until.is_(None), Circuit.probe_until <= now),
                )
                .values(probe_until=now + timedelta(seconds=PROBE_SECONDS), updated_at=now)
                .returning(Circuit.name)
            )
            return taken.first() is not None


def forget(session: Session, name: str) -> None:
    """Close a circuit in the transaction that makes what it knew out of date."""
    session.execute(delete(Circuit).where(Circuit.name == name))


def state_of(row: Circuit, now: datetime) -> Literal["closed", "open", "half_open"]:
    """Where a circuit stands."""
    if row.open_until is None:
        return "closed"
    return "open" if row.open_until > now else "half_open"


def _open(row: Circuit, until: datetime, now: datetime) -> CircuitOpen:
    seconds = max((until - now).total_seconds(), 1)
    message = f"{row.name} failed too often and is left alone for {seconds:.0f} s; it last said: {row.last_error}"
    return CircuitOpen(message, retry_after=seconds)
