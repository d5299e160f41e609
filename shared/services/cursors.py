"""Cursors of lists ordered by creation: opaque to clients, stable while rows come and go."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from shared.errors import InvalidOption

MAX_POSITION = 2**31
"""Positions are smaller: what the column holds."""


def encode(created_at: datetime, last_id: UUID) -> str:
    """Name the last row of a page."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {last_id}".encode()).decode()


def encode_position(position: int) -> str:
    """Name the last row of a page of a list that is ordered by position."""
    return base64.urlsafe_b64encode(b"%d" % position).decode()


def decode_position(cursor: str) -> int:
    """Tell which position a cursor names.

    Raises:
        InvalidOption: the cursor is none of ours.
    """
    try:
        position = int(base64.urlsafe_b64decode(cursor).decode())
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise _not_ours() from error
    if not 0 <= position < MAX_POSITION:
        raise _not_ours()
    return position


def decode(cursor: str) -> tuple[datetime, UUID]:
    """Tell which row a cursor names: its creation time, UTC, and its id.

    Raises:
        InvalidOption: the cursor is none of ours.
    """
    try:
        created_at, last_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), UUID(last_id)
    # OverflowError: a time zone can carry a date out of the calendar.
    except (binascii.Error, UnicodeError, ValueError, OverflowError) as error:
        raise _not_ours() from error


def _not_ours() -> InvalidOption:
    message = "This cursor is none of ours; take it from `next_cursor` as it is."
    return InvalidOption(message, errors=[{"field": "cursor", "message": message}])
