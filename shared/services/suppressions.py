"""Addresses that are written to no more: mail to them bounced, was complained about, or is not wanted."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import InvalidOption, NotFound, RecipientSuppressed
from shared.models import Suppression, utcnow
from shared.models.base import plain
from shared.values import SuppressedChannel

BATCH = 500
"""Addresses asked for at once: SQLite takes some thousand parameters in a statement."""

MAIL = (SuppressedChannel.EMAIL,)
BULK_MAIL = (SuppressedChannel.EMAIL, SuppressedChannel.BULK_EMAIL)


def canonical(address: str) -> str:
    """The form in which an address is listed. No host met in practice tells mailboxes apart by case."""
    return plain(address).strip().lower()[:320]


def suppress(
    session: Session, channel: SuppressedChannel, address: str, reason: str, detail: str | None = None
) -> bool:
    """Put an address on the list, in the caller's transaction; who is on it stays as they are.

    Args:
        session: the caller's.
        channel: what no longer reaches it.
        address: a mail address, or a phone number in E.164.
        reason: `bounce`, `complaint`, `unsubscribed` or `opt_out`.
        detail: what the provider said.

    Returns:
        Whether it was not on the list before.
    """
    statement = insert_into(session, Suppression).values(
        channel=channel, address=canonical(address), reason=reason, detail=detail, created_at=utcnow()
    )
    added = session.scalars(statement.on_conflict_do_nothing().returning(Suppression.address))
    return added.first() is not None


def suppressed(
    session: Session, channels: Sequence[SuppressedChannel], addresses: Iterable[str]
) -> dict[str, Suppression]:
    """Those of some addresses that are on the list of any of these channels, by their canonical form."""
    wanted = sorted({canonical(address) for address in addresses})
    found: dict[str, Suppression] = {}
    for start in range(0, len(wanted), BATCH):
        query = select(Suppression).where(
            Suppression.channel.in_(channels), Suppression.address.in_(wanted[start : start + BATCH])
        )
        found.update((row.address, row) for row in session.scalars(query))
    return found


def refuse_suppressed(session: Session, channels: Sequence[SuppressedChannel], address: str) -> None:
    """Let only an address pass that may be written to.

    Raises:
        RecipientSuppressed: it may not.
    """
    row = suppressed(session, channels, [address]).get(canonical(address))
    if row is not None:
        raise RecipientSuppressed(
            f"{address} is on the suppression list ({row.reason}) and is written to no more; an admin can remove it "
            f"with DELETE /v1/suppressions/{row.channel}/{row.address}."
        )


class Suppressions:
    """The list, as admins see it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, channel: SuppressedChannel | None, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[Suppression], str | None]:
        """List addresses by channel and address, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = select(Suppression).order_by(Suppression.channel, Suppression.address).limit(limit + 1)
        if channel is not None:
            query = query.where(Suppression.channel == channel)
        if cursor is not None:
            last_channel, last_address = _decode(cursor)
            further = and_(Suppression.channel == last_channel, Suppression.address > last_address)
            query = query.where(or_(Suppression.channel > last_channel, further))
        with self._database.read() as session:
            rows = session.scalars(query).all()
        return rows[:limit], _encode(rows[limit - 1]) if len(rows) > limit else None

    def add(self, channel: SuppressedChannel, address: str, reason: str, detail: str | None = None) -> bool:
        """Put an address on the list; False where it was on it."""
        with self._database.write() as work:
            return suppress(work.session, channel, address, reason, detail)

    def remove(self, channel: SuppressedChannel, address: str) -> None:
        """Take an address off the list; it is written to again.

        Raises:
            NotFound: it is not on it.
        """
        with self._database.write() as work:
            gone = work.session.execute(
                delete(Suppression)
                .where(Suppression.channel == channel, Suppression.address == canonical(address))
                .returning(Suppression.address)
            ).all()
        if not gone:
            message = "This address is not on the suppression list."
            raise NotFound(message)


def _encode(row: Suppression) -> str:
    return base64.urlsafe_b64encode(f"{row.channel} {row.address}".encode()).decode()


def _decode(cursor: str) -> tuple[SuppressedChannel, str]:
    try:
        channel, _, address = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        if address == plain(address):
            return SuppressedChannel(channel), address
    except (binascii.Error, UnicodeError, ValueError):
        pass  # as any other text that we have not made
    message = "This cursor is none of ours; take it from `next_cursor` as it is."
    raise InvalidOption(message, errors=[{"field": "cursor", "message": message}])
