"""Documents that their accounts keep no longer go: once a day, by a job of the heavy lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from shared.contracts import ExpireDocuments
from shared.db.unit_of_work import Database
from shared.errors import NotFound
from shared.models import FINAL, Account, Document

BATCH = 200
"""Documents looked for at a time."""


class Expiry:
    """Removes documents some days after they became final: as many as their account's `retention_days`.

    Args:
        database: where accounts and documents are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, now: datetime) -> int:
        """Queue the job, once a day, if anything is to go; return for how many jobs that is a reason."""
        if next(self._over(now), None) is None:
            return 0
        with self._database.write() as work:
            work.send(ExpireDocuments(), key=f"{ExpireDocuments.name}:{now:%Y-%m-%d}")
        return 1

    def expire(self, now: datetime, delete: Callable[[UUID, UUID], None], check: Callable[[], None]) -> int:
        """Delete what is over; return how many documents went.

        Args:
            now: the time.
            delete: removes a document, by its account and its id, with its files.
            check: called between two documents; what it raises ends this, and the next run goes on.

        Raises:
            StorageUnavailable, DatabaseUnavailable: what went is gone; try again.
        """
        gone = 0
        for account_id, document_id in self._over(now):
            check()
            try:
                delete(account_id, document_id)
            except NotFound:
                continue  # its owner was quicker
            gone += 1
        return gone

    def _over(self, now: datetime) -> Iterator[tuple[UUID, UUID]]:
        """Give the documents that are over, account by account: `completed_at` has an index within an account."""
        with self._database.read() as session:
            query = select(Account.id, Account.retention_days).where(Account.retention_days.is_not(None))
            accounts = session.execute(query).all()
        for account_id, days in accounts:
            yield from self._over_of(account_id, now - timedelta(days=days or 0))

    def _over_of(self, account_id: UUID, before: datetime) -> Iterator[tuple[UUID, UUID]]:
        over = (Document.account_id == account_id, Document.completed_at < before, Document.status.in_(FINAL))
        query = select(Document.id).where(*over).order_by(Document.completed_at, Document.id).limit(BATCH)
        found: set[UUID] = set()
        while True:
            with self._database.read() as session:
                fresh = [row for row in session.scalars(query) if row not in found]
            if not fresh:
                return
            found.update(fresh)
            yield from ((account_id, document_id) for document_id in fresh)
