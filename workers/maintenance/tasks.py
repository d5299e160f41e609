"""Maintenance jobs; declarations only."""

from __future__ import annotations

from shared.contracts import Ping
from workers.job import Run, job


@job(Ping, time_limit=60)
def ping(message: Ping, run: Run) -> None:
    """Do nothing: the way there and back is the point."""
    del message, run
