"""One attempt of a job of the light lane, as the use case that does it sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session

from shared.errors import OutcomeUnknown, TwolaneError
from shared.metrics import Metric
from shared.services.jobs import Claim, Jobs

log = logging.getLogger(__name__)

T = TypeVar("T")


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
        measured: metrics of this attempt.
    """

    jobs: Jobs
    claim: Claim
    may_have_happened: bool = False
    measured: dict[Metric, float] = field(default_factory=dict)

    def once(self, effect: Callable[[], T]) -> T:
        """Do what must not be done twice, such as handing a mail to its provider.

        Before it the job is marked: lost in the middle of this, it becomes a dead letter and is not repeated.

        Args:
            effect: raises `OutcomeUnknown` where it may have happened; any other of our errors says that it has not.

        Raises:
            TakenOver: the job is no longer ours; nothing was done.
            OutcomeUnknown: it may have happened.
            TwolaneError: as the effect raises; nothing was done.
        """
        if not self.jobs.hand_over(self.claim):
            raise TakenOver(f"The job {self.claim.job_id} was taken over or ended.")
        self.may_have_happened = True
        try:
            return effect()
        except OutcomeUnknown:
            raise
        except TwolaneError:
            self.may_have_happened = False
            raise
        except Exception as error:
            raise OutcomeUnknown(f"It may have been done: {type(error).__name__}: {error}") from error

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
