"""Cursors of lists ordered by creation: opaque to clients, stable while rows come and go."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from shared.errors import InvalidOption


def encode(created_at: datetime, last_id: UUID) -> str:
    """Name the last row of a page."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {last_id}".encode()).decode()


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
        message = "This cursor is none of ours; take it from `next_cursor` as it is."
        raise InvalidOption(message, errors=[{"field": "cursor", "message": message}]) from error
