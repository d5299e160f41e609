"""The life of a job: claimed, renewed, ended, tried again or given up. The row is the truth."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Select, and_, bindparam, func, or_, select, true, update
from sqlalchemy.orm import Session

from shared.config import Delivery
from shared.contracts import OcrDocument
from shared.db.unit_of_work import MAX_COUNTDOWN, Database, UnitOfWork
from shared.errors import Permanent, TwolaneError, WorkerLost
from shared.models import Document, JobRow, JobStatus, utcnow
from shared.services.giving_up import give_up

JITTER = 0.25
"""Back-offs differ by up to a quarter, so that what failed together does not return together."""

_CLAIM = (
    update(JobRow)
    .where(
        JobRow.id == bindparam("job"),
        or_(
            JobRow.status == JobStatus.QUEUED,
            and_(JobRow.status == JobStatus.RUNNING, JobRow.lease_until < bindparam("now")),
        ),
        JobRow.attempt < bindparam("cap"),
    )
    .values(
        status=JobStatus.RUNNING,
        attempt=JobRow.attempt + 1,
        lease_token=bindparam("token"),
        lease_until=bindparam("until"),
        started_at=bindparam("now"),
    )
    .returning(JobRow.attempt)
)
_RENEW = (
    update(JobRow)
    .where(JobRow.id == bindparam("job"), JobRow.lease_token == bindparam("token"), JobRow.status == JobStatus.RUNNING)
    .values(lease_until=bindparam("until"))
)
_SUCCEED = (
    update(JobRow)
    .where(JobRow.id == bindparam("job"), JobRow.lease_token == bindparam("token"), JobRow.status == JobStatus.RUNNING)
    .values(
        status=JobStatus.SUCCEEDED,
        lease_token=None,
        lease_until=None,
        finished_at=bindparam("now"),
        error_code=None,
        error_message=None,
    )
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job until its lease runs out. `attempt` counts from 1; `last` says it is the cap."""

    job_id: UUID
    token: UUID
    attempt: int
    last: bool


class Jobs:
    """Jobs, as workers and the relay see them."""

    def __init__(self, database: Database, delivery: Delivery) -> None:
        self._database = database
        self._delivery = delivery
        # What every job does goes the short way to the database.
        self._claim, self._renew, self._succeed = map(database.prepare, (_CLAIM, _RENEW, _SUCCEED))

    def claim(self, job_id: UUID) -> Claim | None:
        """Take a job by one conditional UPDATE; None where another has it, it is over, or its attempts are used up."""
        now, token, cap = utcnow(), uuid4(), self._delivery.max_attempts
        attempt = self._claim(job=job_id, now=now, cap=cap, token=token, until=now + self._lease)
        return Claim(job_id, token, attempt, last=attempt >= cap) if attempt else None

    def renew(self, claim: Claim) -> bool:
        """Extend the lease; False where the job is no longer ours: taken over, cancelled or deleted."""
        return bool(self._renew(job=claim.job_id, token=claim.token, until=utcnow() + self._lease))

    def succeed(self, claim: Claim) -> bool:
        """Close a job that is done; False where it was no longer ours."""
        return bool(self._succeed(job=claim.job_id, token=claim.token, now=utcnow()))

    def fail(self, claim: Claim, error: Exception) -> JobStatus | None:
        """Note a failure: queue the job again after a back-off, or give it up.

        A permanent error is never tried again; everything else is until the attempt cap.

        Returns:
            QUEUED or FAILED; None where the job was no longer ours.
        """
        with self._database.write() as work:
            _lock_documents(work.session, select(JobRow.document_id).where(JobRow.id == claim.job_id))
            row = work.session.get(JobRow, claim.job_id, with_for_update=True)
            if row is None or row.lease_token != claim.token or row.status != JobStatus.RUNNING:
                return None
            self._end_attempt(work, row, error)
            return row.status

    def recover(self, limit: int) -> int:
        """Take jobs from workers that are gone: their leases have run out. Returns how many.

        Queued again, or given up where the attempts are used up.
        """
        over = and_(JobRow.finished_at.is_(None), JobRow.status == JobStatus.RUNNING, JobRow.lease_until < utcnow())
        with self._database.write() as work:
            query = select(JobRow.id, JobRow.document_id).where(over).order_by(JobRow.lease_until).limit(limit)
            found = work.session.execute(query).all()
            _lock_documents(work.session, [document_id for _, document_id in found])
            again = select(JobRow).where(JobRow.id.in_([job_id for job_id, _ in found]), over)
            rows = work.session.scalars(again.with_for_update(skip_locked=True)).all()
            for row in rows:
                lost = WorkerLost(f"The worker was lost in the middle of {row.name}, attempt {row.attempt}.")
                self._end_attempt(work, row, lost)
        return len(rows)

    def release(self, job_id: UUID | None = None) -> int:
        """End the lease of a job, or of all: where its worker is certainly dead nobody need wait for it to run out.

        Returns:
            How many leases were ended.
        """
        of_job = true() if job_id is None else JobRow.id == job_id
        with self._database.write() as work:
            ended = work.session.execute(
                update(JobRow)
                .where(of_job, JobRow.status == JobStatus.RUNNING)
                .values(lease_until=utcnow() - timedelta(seconds=1))
                .returning(JobRow.id)
            )
            return len(ended.all())

    def accepted_at(self, document: Document) -> datetime:
        """When a document was accepted to be read, or to be read again: its youngest job that opens it is as old."""
        opening = (JobRow.document_id == document.id, JobRow.name == OcrDocument.name)
        with self._database.read() as session:
            return session.scalar(select(func.max(JobRow.created_at)).where(*opening)) or document.created_at

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self._delivery.lease_seconds)

    def _end_attempt(self, work: UnitOfWork, row: JobRow, error: Exception) -> None:
        row.lease_token = row.lease_until = None
        row.error_code = error.code if isinstance(error, TwolaneError) else type(error).__name__[:60]
        row.error_message = str(error)[:2000]
        if isinstance(error, Permanent) or row.attempt >= self._delivery.max_attempts:
            row.status, row.finished_at = JobStatus.FAILED, utcnow()
            give_up(work, row)
            return
        back_off = timedelta() if isinstance(error, WorkerLost) else self._back_off(row.attempt)
        row.status, row.queued_at = JobStatus.QUEUED, utcnow() + back_off
        work.resend(row, row.queued_at)

    def _back_off(self, attempt: int) -> timedelta:
        seconds = self._delivery.retry_seconds * 2 ** (attempt - 1)
        jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, guards nothing
        return min(timedelta(seconds=seconds * jitter), MAX_COUNTDOWN)


def _lock_documents(session: Session, ids: Select[UUID | None] | Sequence[UUID | None]) -> None:
    """Lock documents before their jobs, in order: whoever cancels or deletes one does so too, and nobody deadlocks."""
    session.execute(select(Document.id).where(Document.id.in_(ids)).order_by(Document.id).with_for_update())
