"""API keys: made once, shown once, kept hashed."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.db.unit_of_work import Database
from shared.errors import NotFound, Unauthorized
from shared.models import Account, ApiKey
from shared.services import cursors
from shared.values import Caller, Role

PREFIX = "tl_"
"""Lets secret scanners recognise a key."""


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

    def create(self, *, account: str | UUID, name: str, role: Role) -> NewKey:
        """Make a key for an account, named by its id or its name; an account of a new name is made.

        Raises:
            NotFound: no account has that id.
        """
        try:
            return self._create(account, name, role)
        except IntegrityError:
            # Another request made the account of that name meanwhile; now it is found.
            return self._create(account, name, role)

    def list(self, limit: int, cursor: str | None = None) -> tuple[list[tuple[ApiKey, Account]], str | None]:
        """List keys with their accounts, oldest first, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = select(ApiKey, Account).join(Account, Account.id == ApiKey.account_id)
        if cursor is not None:
            created_at, last_id = cursors.decode(cursor)
            later = and_(ApiKey.created_at == created_at, ApiKey.id > last_id)
            query = query.where(or_(ApiKey.created_at > created_at, later))
        query = query.order_by(ApiKey.created_at, ApiKey.id).limit(limit + 1)
        with self._database.read() as session:
            rows = [(key, account) for key, account in session.execute(query)]
        last = rows[limit - 1][0] if len(rows) > limit else None
        return rows[:limit], cursors.encode(last.created_at, last.id) if last else None

    def get(self, key_id: UUID) -> tuple[ApiKey, Account]:
        """Give one key with its account.

        Raises:
            NotFound: there is none.
        """
        query = select(ApiKey, Account).join(Account, Account.id == ApiKey.account_id).where(ApiKey.id == key_id)
        with self._database.read() as session:
            row = session.execute(query).first()
        if row is None:
            message = "There is no such key."
            raise NotFound(message)
        return row[0], row[1]

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

    def _create(self, account: str | UUID, name: str, role: Role) -> NewKey:
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._database.write() as work:
            owner = _owner(work.session, account)
            row = ApiKey(account_id=owner.id, name=name, role=role, digest=_digest(secret), hint=secret[-4:])
            work.session.add(row)
        return NewKey(row=row, account=owner, secret=secret)


def _owner(session: Session, account: str | UUID) -> Account:
    """The account of that id or name; made if a name is new."""
    if isinstance(account, UUID):
        owner = session.get(Account, account)
        if owner is None:
            message = "There is no such account."
            raise NotFound(message)
        return owner
    owner = session.scalar(select(Account).where(Account.name == account))
    if owner is None:
        owner = Account(name=account)
        session.add(owner)
        session.flush()
    return owner


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
