"""What the workers can read with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, utcnow


class EngineRow(Base):
    """An engine that a worker reported at its start, with the language packs it found installed."""

    __tablename__ = "engines"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[str] = mapped_column(String(60))
    languages: Mapped[list[str]]
    seen_at: Mapped[datetime] = mapped_column(default=utcnow)
