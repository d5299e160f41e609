"""Accounts: how they are reached."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from shared.db.unit_of_work import Database
from shared.errors import NotFound
from shared.models import Account
from shared.services.mail.addresses import mail_address, phone_number


class Accounts:
    """Accounts and their contacts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account_id: UUID) -> Account:
        """Give an account.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as session:
            row = session.get(Account, account_id)
        return _found(row)

    def change(self, account_id: UUID, changes: Mapping[str, str | int | None]) -> Account:
        """Set where an account's notifications go, and how long its documents stay.

        Args:
            account_id: whose.
            changes: `email`, `phone` and `retention_days`, as far as they change; None removes one.

        Raises:
            InvalidAddress: an address nobody can have; nothing was changed.
            NotFound: there is no such account.
        """
        checked = {name: _CHECKS[name](value) if isinstance(value, str) else value for name, value in changes.items()}
        with self._database.write() as work:
            row = _found(work.session.get(Account, account_id, with_for_update=True))
            for name, value in checked.items():
                setattr(row, name, value)
        return row


_CHECKS = {"email": mail_address, "phone": phone_number}


def _found(row: Account | None) -> Account:
    if row is None:
        message = "There is no such account."
        raise NotFound(message)
    return row
