"""What is going on, as it travels over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from functions.api.schemas import UtcTime

if TYPE_CHECKING:
    from datetime import datetime

    from shared.models import Circuit
    from shared.services.monitoring import Stats


class _Plain(BaseModel):
    """Has the fields of what it shows."""

    model_config = ConfigDict(from_attributes=True)


class FleetOut(_Plain):
    """A fleet of workers."""

    backlog: int = Field(description="Messages that wait in its queues.")
    in_flight: int = Field(description="Messages its workers have in hand.")
    workers_alive: int = Field(description="Workers that gave a sign of life within a minute.")


class QueueOut(_Plain):
    """Open jobs of a queue of the light lane."""

    queued: int
    running: int
    oldest_seconds: float = Field(description="How long a job has been due and not begun.")


class OutboxOut(_Plain):
    """What has not left yet."""

    messages: int = Field(description="Retries that are not due yet included.")
    events: int
    oldest_seconds: float = Field(description="Of what is due.")


class OpenDeadLettersOut(BaseModel):
    """Dead letters that nobody has settled."""

    open: int
    by_lane: dict[str, int]


class CircuitOut(BaseModel):
    """A destination that fails."""

    name: str = Field(description="`host:NAME:PORT` or `provider:NAME`.")
    state: Literal["closed", "open", "half_open"]
    failures: int = Field(description="In a row.")
    open_until: UtcTime | None
    last_error: str | None

    @classmethod
    def of(cls, row: Circuit, now: datetime) -> Self:
        """Show a circuit."""
        from shared.services.circuits import state_of  # noqa: PLC0415  # it brings the tables along

        return cls(
            name=row.name,
            state=state_of(row, now),
            failures=row.failures,
            open_until=row.open_until,
            last_error=row.last_error,
        )


class StatsOut(BaseModel):
    """Everything at once."""

    fleets: dict[str, FleetOut] | None = Field(description="Null while the broker does not answer.")
    light_lane: dict[str, QueueOut]
    outbox: OutboxOut
    dead_letters: OpenDeadLettersOut
    circuits: list[CircuitOut] = Field(description="Those that are not closed or have failed lately; 200 at most.")
    messages_24h: dict[str, dict[str, int]] = Field(description="Messages of the last 24 hours: kind, status, number.")

    @classmethod
    def of(cls, stats: Stats) -> Self:
        """Show what was counted."""
        fleets = stats.fleets
        return cls(
            fleets=None if fleets is None else {name: FleetOut.model_validate(one) for name, one in fleets.items()},
            light_lane={name: QueueOut.model_validate(count) for name, count in stats.light_lane.items()},
            outbox=OutboxOut.model_validate(stats.outbox),
            dead_letters=OpenDeadLettersOut(open=sum(stats.dead_letters.values()), by_lane=dict(stats.dead_letters)),
            circuits=[CircuitOut.of(row, stats.taken_at) for row in stats.circuits],
            messages_24h={kind: dict(counts) for kind, counts in stats.messages_24h.items()},
        )
