"""The same request twice gives the first answer again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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


_NONE = ""
"""Fingerprint of a key whose request failed: any request may take it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A request whose key is locked, or that was answered already.

    Attributes:
        answer: the first answer; None where it has yet to be made.
        since: when the key was first used. It stays when the request is tried again, and is another one when the key
            is used anew after its day: what a request creates takes its id from it.
    """

    answer: Answer | None
    since: datetime


class Idempotency:
    """First answers by account and Idempotency-Key.

    A key is locked, the request answered, the answer kept. If the process dies in between the lock runs out and the
    request is made again; what it creates has an id derived from the key and from when that was first used, so it
    cannot be created twice.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, account_id: UUID, key: str, fingerprint: str) -> Begun:
        """Lock a key, or give the first answer.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            RequestInProgress: the first request is being answered now.
        """
        now = utcnow()
        row = IdempotencyRow(
            account_id=account_id, key=key, fingerprint=fingerprint, locked_until=now + LOCK, created_at=now
        )
        try:
            with self._database.write() as work:
                self._forget_old(work.session, account_id, key)
                work.session.add(row)
                work.session.flush()
        except IntegrityError:
            return self._take_over(account_id, key, fingerprint)
        return Begun(None, now)

    def finish(self, account_id: UUID, key: str, answer: Answer) -> None:
        """Keep the first answer, unless another try of the request has given the key back meanwhile."""
        with self._database.write() as work:
            work.session.execute(
                update(IdempotencyRow)
                .where(
                    IdempotencyRow.account_id == account_id,
                    IdempotencyRow.key == key,
                    IdempotencyRow.fingerprint != _NONE,
                )
                .values(status=answer.status, body=answer.body)
            )

    def abandon(self, account_id: UUID, key: str) -> None:
        """Unlock a key whose request failed, so that it, or another, can be tried.

        When the key was first used stays: what failed may have created something all the same, where the database took
        it and the word of that was lost, and is not to create it twice.
        """
        with self._database.write() as work:
            work.session.execute(
                update(IdempotencyRow)
                .where(
                    IdempotencyRow.account_id == account_id,
                    IdempotencyRow.key == key,
                    IdempotencyRow.status.is_(None),
                )
                .values(fingerprint=_NONE, locked_until=utcnow())
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

    def _take_over(self, account_id: UUID, key: str, fingerprint: str) -> Begun:
        with self._database.write() as work:
            row = work.session.get(IdempotencyRow, (account_id, key), with_for_update=True)
            if row is not None and row.fingerprint not in {fingerprint, _NONE}:
                message = "This Idempotency-Key was used for another request; use a new key for a new request."
                raise IdempotencyKeyReused(message)
            if row is not None and row.status is not None:
                return Begun(Answer(status=row.status, body=row.body or {}), row.created_at)
            if row is None or row.locked_until > utcnow():
                message = "The first request with this Idempotency-Key is still being answered; try again in a moment."
                raise RequestInProgress(message)
            row.fingerprint, row.locked_until = fingerprint, utcnow() + LOCK
            return Begun(None, row.created_at)
