"""The same request twice gives the first answer again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from shared.db.unit_of_work import Database
from shared.errors import IdempotencyKeyReused, RequestInProgress
from shared.models import IdempotencyRow, utcnow
from shared.values import Answer

LOCK = timedelta(seconds=30)
"""How long a request may take before another with its key may try: a Lambda answer takes at most 30 s."""

KEPT = timedelta(hours=24)
"""How long a first answer is given again."""


class Idempotency:
    """First answers by account and Idempotency-Key.

    A key is locked, the request answered, the answer kept. If the process dies in between the lock runs out and the
    request is made again; what it creates has an id derived from the key, so it cannot be created twice.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, account_id: UUID, key: str, fingerprint: str) -> Answer | None:
        """Lock a key, or give the first answer.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            RequestInProgress: the first request is being answered now.
        """
        row = IdempotencyRow(account_id=account_id, key=key, fingerprint=fingerprint, locked_until=utcnow() + LOCK)
        try:
            with self._database.write() as work:
                self._forget_old(work.session, account_id, key)
                work.session.add(row)
                work.session.flush()
        except IntegrityError:
            return self._first_answer(account_id, key, fingerprint)
        return None

    def finish(self, account_id: UUID, key: str, answer: Answer) -> None:
        """Keep the first answer."""
        with self._database.write() as work:
            work.session.execute(
                update(IdempotencyRow)
                .where(IdempotencyRow.account_id == account_id, IdempotencyRow.key == key)
                .values(status=answer.status, body=answer.body)
            )

    def abandon(self, account_id: UUID, key: str) -> None:
        """Unlock a key whose request failed, so that it can be tried again."""
        with self._database.write() as work:
            work.session.execute(
                delete(IdempotencyRow).where(
                    IdempotencyRow.account_id == account_id,
                    IdempotencyRow.key == key,
                    IdempotencyRow.status.is_(None),
                )
            )

    @staticmethod
    def _forget_old(session: Any, account_id: UUID, key: str) -> None:
        session.execute(
            delete(IdempotencyRow).where(
                IdempotencyRow.account_id == account_id,
                IdempotencyRow.key == key,
                IdempotencyRow.created_at < utcnow() - KEPT,
            )
        )

    def _first_answer(self, account_id: UUID, key: str, fingerprint: str) -> Answer | None:
        with self._database.write() as work:
            row = work.session.get(IdempotencyRow, (account_id, key), with_for_update=True)
            if row is not None and row.fingerprint != fingerprint:
                message = "This Idempotency-Key was used for another request; use a new key for a new request."
                raise IdempotencyKeyReused(message)
            if row is not None and row.status is not None:
                return Answer(status=row.status, body=row.body or {})
            if row is None or row.locked_until > utcnow():
                message = "The first request with this Idempotency-Key is still being answered; try again in a moment."
                raise RequestInProgress(message)
            row.locked_until = utcnow() + LOCK
        return None
