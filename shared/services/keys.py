"""API keys: made once, shown once, kept hashed."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, select

from shared.db.unit_of_work import Database
from shared.errors import NotFound, Unauthorized
from shared.models import Account, ApiKey

Role = Literal["user", "admin"]

PREFIX = "tl_"
"""Lets secret scanners recognise a key."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the account every query is scoped to, and the role."""

    account_id: UUID
    key_id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with its secret, which is never shown again."""

    row: ApiKey
    account: Account
    secret: str


class Keys:
    """Makes, lists, checks and removes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def authenticate(self, secret: str) -> Caller:
        """Tell who a key speaks for.

        Raises:
            Unauthorized: nobody.
        """
        with self._database.read() as session:
            row = session.scalar(select(ApiKey).where(ApiKey.digest == _digest(secret)))
        if row is None:
            message = "This key is not known. Check it, or ask an admin for a new one."
            raise Unauthorized(message)
        return Caller(account_id=row.account_id, key_id=row.id, role="admin" if row.role == "admin" else "user")

    def create(self, *, account: str, name: str, role: Role) -> NewKey:
        """Make a key for the account of that name; the account is made if there is none."""
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._database.write() as work:
            owner = work.session.scalar(select(Account).where(Account.name == account))
            if owner is None:
                owner = Account(name=account)
                work.session.add(owner)
                work.session.flush()
            row = ApiKey(account_id=owner.id, name=name, role=role, digest=_digest(secret), hint=secret[-4:])
            work.session.add(row)
        return NewKey(row=row, account=owner, secret=secret)

    def list(self) -> list[tuple[ApiKey, Account]]:
        """List every key with its account, oldest first."""
        with self._database.read() as session:
            query = select(ApiKey, Account).join(Account, Account.id == ApiKey.account_id)
            return [(key, account) for key, account in session.execute(query.order_by(ApiKey.created_at, ApiKey.id))]

    def delete(self, key_id: UUID) -> None:
        """Remove a key; it stops working at once.

        Raises:
            NotFound: there is none.
        """
        with self._database.write() as work:
            gone = work.session.execute(delete(ApiKey).where(ApiKey.id == key_id).returning(ApiKey.id)).all()
        if not gone:
            message = "There is no such key."
            raise NotFound(message)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
