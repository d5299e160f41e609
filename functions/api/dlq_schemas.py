"""Dead letters as they travel over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from functions.api.schemas import ErrorOut, Strict, UtcTime
from shared.contracts import Lane
from shared.values import DeadLetterFilter

if TYPE_CHECKING:
    from shared.models import DeadLetter
    from shared.services.dead_letter_list import Requeued

Word = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")]


class Which(Strict):
    """Some dead letters; what is not given is not looked at."""

    lane: Lane | None = Field(default=None, description="The lane it was given up on.")
    queue: Word | None = Field(default=None, description="Its queue, e.g. `email`.")
    code: Word | None = Field(default=None, description="The code of its error, e.g. `provider_unavailable`.")


class DeadLetterQuery(Which):
    """Which dead letters to list."""

    resolved: bool | None = Field(default=None, description="Those that are settled, or those that are open.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")

    @property
    def which(self) -> DeadLetterFilter:
        """The filter."""
        return DeadLetterFilter(self.lane, self.queue, self.code, self.resolved)


class RequeueRequest(Which):
    """Which open dead letters to put back; `{}`: all."""

    @property
    def which(self) -> DeadLetterFilter:
        """The filter."""
        return DeadLetterFilter(self.lane, self.queue, self.code, resolved=False)


class ResolveRequest(Strict):
    """Settles a dead letter that need not be done."""

    note: Note = Field(default="", description="Why; for whoever looks later.")


class DeadLetterOut(BaseModel):
    """Work that was given up; open until `resolved_at`."""

    id: UUID = Field(
        description="Of the job, the document or the event it is; of a message that is none, one of its own."
    )
    lane: str
    queue: str
    name: str = Field(description="What it is: the name of a job, the type of an event.")
    job_id: UUID | None
    document_id: UUID | None
    error: ErrorOut
    attempts: int
    correlation_id: str | None = Field(description="The `X-Request-ID` of the request it follows from.")
    first_failed_at: UtcTime
    last_failed_at: UtcTime
    resolved_at: UtcTime | None
    resolution: str | None = Field(description="`requeued`, `retried` (its document is read again), or `resolved`.")
    note: str | None

    @classmethod
    def of(cls, row: DeadLetter, **more: Any) -> Self:
        """Show a dead letter."""
        plain = {name: getattr(row, name) for name in DeadLetterOut.model_fields if name != "error"}
        return cls(**plain, error=ErrorOut(code=row.error_code, message=row.error_message), **more)


class DeadLetterDetail(DeadLetterOut):
    """A dead letter with all that is known."""

    payload: dict[str, Any] = Field(description="What its message said: ids; of a message that is no job, its body.")
    traceback: str | None

    @classmethod
    def of(cls, row: DeadLetter, **more: Any) -> Self:
        """Show a dead letter."""
        return super().of(row, payload=row.payload, traceback=row.traceback, **more)


class DeadLetterList(BaseModel):
    """Dead letters, the newest failure first."""

    items: list[DeadLetterOut]
    next_cursor: str | None


class RequeuedOut(BaseModel):
    """What was put back."""

    requeued: int = Field(description="Put back now; 500 at most.")
    refused: int = Field(description="Looked at and left, for nothing can take them again: look at each of them.")
    remaining: int = Field(description="Left for the next request.")

    @classmethod
    def of(cls, done: Requeued) -> Self:
        """Show what was done."""
        return cls(requeued=done.requeued, refused=done.refused, remaining=done.remaining)
