"""What concurrent functions must know of each other before they turn outward: failing destinations, rates, budgets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, PlainText, utcnow


class Circuit(Base):
    """A destination that fails. Without a row, or `open_until`, it is closed.

    Its name is `provider:NAME`, `host:SCHEME:NAME:PORT`, `webhook:ID` or `callbacks:ACCOUNT:` and a host.
    After `open_until` one caller probes, until `probe_until` at the latest. `failures` counts those in a row,
    `openings` how often in a row it opened.
    """

    __tablename__ = "circuits"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    openings: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[datetime | None]
    probe_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(PlainText)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)


class Rate(Base):
    """When the next message of a kind may leave (generic cell rate algorithm): later than now where too many have.

    Or when a place is free, `webhook:ACCOUNT:NUMBER`: see `shared.services.places`.
    """

    __tablename__ = "rates"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    free_at: Mapped[datetime] = mapped_column(default=utcnow)


class Spend(Base):
    """What was spent in a period, e.g. `sms:2026-11`, in millionths of a dollar."""

    __tablename__ = "spend"

    period: Mapped[str] = mapped_column(String(60), primary_key=True)
    micros: Mapped[int] = mapped_column(BigInteger, default=0)
