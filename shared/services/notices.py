"""What an account is told, and how: plain values, which load no tables."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.values import Channel


@dataclass(frozen=True, slots=True)
class Notice:
    """What there is to say.

    Attributes:
        account_id: to whom.
        title: one line.
        body: any number of them.
        channels: how; at least one.
    """

    account_id: UUID
    title: str
    body: str
    channels: frozenset[Channel]

    @property
    def as_text_message(self) -> str:
        """All of it as SMS."""
        return f"{self.title}\n{self.body}"
