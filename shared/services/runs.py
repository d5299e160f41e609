"""One attempt of a job of the light lane, as the use case that does it sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session

from shared.errors import DatabaseUnavailable, OutcomeUnknown, TwolaneError
from shared.metrics import Metric
from shared.patience import eventually
from shared.services.jobs import Claim, Jobs

log = logging.getLogger(__name__)

T = TypeVar("T")

NOTING_SECONDS = 3.0
"""How long what was done is tried to be noted: a database that fails over for a moment makes no dead letter."""


class TakenOver(TwolaneError):
    """The job is another's, or over: stop, quietly."""

    code = "taken_over"
    status = 409


@dataclass(slots=True)
class Run:
    """A claimed job.

    Attributes:
        jobs: the life of jobs.
        claim: the right to do this one.
        may_have_happened: its effect has, or nobody knows; a failure from here on must not lead to another.
        done: its effect has.
        receipt: the provider's id of what was done, if it gave one.
        done_before: there was nothing left to do.
        measured: metrics of this attempt.
    """

    jobs: Jobs
    claim: Claim
    may_have_happened: bool = False
    done: bool = False
    receipt: str | None = None
    done_before: bool = False
    measured: dict[Metric, float] = field(default_factory=dict)

    def once(self, effect: Callable[[], T]) -> T:
        """Do what must not be done twice, such as handing a mail to its provider.

        Before it the job is marked: lost in the middle of this, it becomes a dead letter and is not repeated.

        Args:
            effect: raises `OutcomeUnknown` where it may have happened; any other of our errors says that it has not. A
                text that it returns is the receipt.

        Raises:
            TakenOver: the job is no longer ours; nothing was done.
            OutcomeUnknown: it may have happened.
            TwolaneError: as the effect raises; nothing was done.
        """
        if not self.jobs.hand_over(self.claim):
            raise TakenOver(f"The job {self.claim.job_id} was taken over or ended.")
        self.may_have_happened = True
        try:
            result = effect()
        except OutcomeUnknown:
            raise
        except TwolaneError:
            self.may_have_happened = False
            raise
        except Exception as error:
            raise OutcomeUnknown(f"It may have been done: {type(error).__name__}: {error}") from error
        self.done = True
        self.receipt = result if isinstance(result, str) else None
        return result

    def note(self, write: Callable[[], T]) -> T:
        """Write down what was done, and again while the database does not answer, for `NOTING_SECONDS`.

        Args:
            write: one transaction, `complete` in it. One that was committed although its answer was lost finds the job
                over the next time.

        Raises:
            DatabaseUnavailable: it did not answer in all that time.
            TakenOver: as `complete` says.
        """
        return eventually(write, NOTING_SECONDS, DatabaseUnavailable)

    def unnoted(self, error: Exception) -> OutcomeUnknown:
        """What to say of an effect that was followed by a failure, so that somebody can look."""
        known = "It was done" if self.done else "It may have been done"
        receipt = f" (provider id {self.receipt})" if self.receipt else ""
        unknown = OutcomeUnknown(f"{known}{receipt}, but that could not be noted: {error}")
        unknown.__cause__ = error
        return unknown

    def complete(self, session: Session) -> None:
        """Close the job in the transaction that writes what it did.

        Raises:
            TakenOver: it is no longer ours; what was written with it must be rolled back.
        """
        if not self.jobs.complete(session, self.claim):
            raise TakenOver(f"The job {self.claim.job_id} was taken over or ended.")

    def measure(self, metric: Metric, value: float) -> None:
        """Add to a metric of this attempt."""
        self.measured[metric] = self.measured.get(metric, 0) + value
