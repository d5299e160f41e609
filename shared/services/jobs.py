"""The life of a job: claimed, renewed, ended, tried again or given up. The row is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Select, and_, bindparam, func, or_, select, true, update
from sqlalchemy.orm import Session

from shared.config import Delivery, LightDelivery
from shared.contracts import OcrDocument
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import OutcomeUnknown, TwolaneError, WorkerLost
from shared.models import Document, JobRow, JobStatus, OutboxRow, utcnow
from shared.services import retries
from shared.services.giving_up import give_up

_CLAIM = (
    update(JobRow)
    .where(
        JobRow.id == bindparam("job"),
        or_(
            JobRow.status == JobStatus.QUEUED,
            # What may have been done is not done again: see `recover`.
            and_(
                JobRow.status == JobStatus.RUNNING,
                JobRow.lease_until < bindparam("now"),
                JobRow.handed_over_at.is_(None),
            ),
        ),
        JobRow.attempt < bindparam("cap"),
        JobRow.queued_at <= bindparam("ready"),
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
_HAND_OVER = (
    update(JobRow)
    .where(
        JobRow.id == bindparam("job"),
        JobRow.lease_token == bindparam("token"),
        JobRow.status == JobStatus.RUNNING,
        JobRow.lease_until > bindparam("now"),
    )
    .values(handed_over_at=bindparam("now"))
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


EARLY = timedelta(seconds=2)
"""How far clocks may differ before a message of the light lane comes too early for its job's back-off."""

_EVER = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job until its lease runs out. `attempt` counts from 1; `last` says it is the cap."""

    job_id: UUID
    token: UUID
    attempt: int
    last: bool


class Jobs:
    """Jobs, as workers, functions and the relay see them.

    Args:
        database: where they are.
        delivery: leases and attempts of the heavy lane.
        light: those of the light lane.
    """

    def __init__(self, database: Database, delivery: Delivery, light: LightDelivery | None = None) -> None:
        self._database = database
        self._delivery = delivery
        self._light = light or LightDelivery()
        # What every job does goes the short way to the database.
        self._claim, self._renew, self._succeed = map(database.prepare, (_CLAIM, _RENEW, _SUCCEED))
        self._hand_over = database.prepare(_HAND_OVER)

    def claim(self, job_id: UUID) -> Claim | None:
        """Take a job by one conditional UPDATE; None where another has it, it is over, or its attempts are used up."""
        # A countdown that a worker holds ends when it should, and a message sent again is meant to be early.
        return self._take(job_id, self._delivery.lease_seconds, self._delivery.max_attempts, _EVER)

    def claim_light(self, job_id: UUID) -> Claim | None:
        """Take a job of the light lane.

        None where another has it, it is over, nobody knows how it ended, or its back-off has not: SQS may deliver an
        old message once more in the middle of it.
        """
        return self._take(job_id, self._light.light_lease_seconds, retries.NO_CAP, EARLY)

    def hand_over(self, claim: Claim) -> bool:
        """Note that from now on the job's effect may have happened; a job that is lost after this is not repeated.

        Returns:
            False where the job is no longer ours: leave it alone.
        """
        return bool(self._hand_over(job=claim.job_id, token=claim.token, now=utcnow()))

    def renew(self, claim: Claim) -> bool:
        """Extend the lease; False where the job is no longer ours: taken over, cancelled or deleted."""
        return bool(self._renew(job=claim.job_id, token=claim.token, until=utcnow() + self._lease))

    def succeed(self, claim: Claim) -> bool:
        """Close a job that is done; False where it was no longer ours."""
        return bool(self._succeed(job=claim.job_id, token=claim.token, now=utcnow()))

    def complete(self, session: Session, claim: Claim) -> bool:
        """Close a job that is done, in the transaction that writes what it did; False where it was no longer ours."""
        row = session.get(JobRow, claim.job_id, with_for_update=True)
        if row is None or row.lease_token != claim.token or row.status != JobStatus.RUNNING:
            return False
        row.status, row.finished_at = JobStatus.SUCCEEDED, utcnow()
        row.lease_token = row.lease_until = row.error_code = row.error_message = None
        return True

    def fail(self, claim: Claim, error: Exception, trace: str | None = None) -> JobStatus | None:
        """Note a failure: queue the job again after a back-off, or give it up; `retries` decides.

        Args:
            claim: whose.
            error: how it failed; anything but `OutcomeUnknown` says that its effect has not happened.
            trace: the traceback, for who looks at the dead letter.

        Returns:
            QUEUED or FAILED; None where the job was no longer ours.
        """
        with self._database.write() as work:
            _lock_documents(work.session, select(JobRow.document_id).where(JobRow.id == claim.job_id))
            row = work.session.get(JobRow, claim.job_id, with_for_update=True)
            if row is None or row.lease_token != claim.token or row.status != JobStatus.RUNNING:
                return None
            return self._end_attempt(work, row, error, trace)

    def abandon(self, job_id: UUID, error: WorkerLost) -> bool:
        """Count an attempt as lost of a job whose message was received too often; `retries` decides what follows.

        That is not yet the end of it: where the database was away nobody could even begin, and how it ends shows when
        it is sent again.

        Args:
            job_id: the job; left alone where it is over, or another message for it comes.
            error: what to tell of it.

        Returns:
            Whether it is given up.
        """
        with self._database.write() as work:
            _lock_documents(work.session, select(JobRow.document_id).where(JobRow.id == job_id))
            row = work.session.get(JobRow, job_id, with_for_update=True)
            if (
                row is None
                or row.status not in {JobStatus.QUEUED, JobStatus.RUNNING}
                or _comes_again(work.session, row)
            ):
                return False
            row.attempt += row.status == JobStatus.QUEUED
            # Its message came too often although it was done, perhaps: then that is what there is to say.
            told = error if row.handed_over_at is None else _lost(row)
            return self._end_attempt(work, row, told) == JobStatus.FAILED

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
                self._end_attempt(work, row, _lost(row))
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

    def _take(self, job_id: UUID, lease_seconds: float, cap: int, early: timedelta) -> Claim | None:
        now, token = utcnow(), uuid4()
        until = now + timedelta(seconds=lease_seconds)
        attempt = self._claim(job=job_id, now=now, cap=cap, token=token, until=until, ready=now + early)
        return Claim(job_id, token, attempt, last=attempt >= cap) if attempt else None

    def _end_attempt(self, work: UnitOfWork, row: JobRow, error: Exception, trace: str | None = None) -> JobStatus:
        """Queue the job again, or give it up; return which."""
        now = utcnow()
        policy = retries.policy_of(row.queue, self._delivery, self._light)
        since = row.first_failed_at or now
        row.faults += retries.is_ours(error)
        again = retries.next_try(policy, error, retries.Tried(row.attempt, row.faults), since, now)
        if not retries.counts(error):
            row.attempt -= 1
        if again is None:
            self._give_up(work, row, error, trace)
            return JobStatus.FAILED
        if retries.fails(error):
            _note(row, error, since)
        row.lease_token = row.lease_until = row.handed_over_at = None
        row.status, row.queued_at = JobStatus.QUEUED, again
        work.resend(row, again)
        return JobStatus.QUEUED

    @staticmethod
    def _give_up(work: UnitOfWork, row: JobRow, error: Exception, trace: str | None = None) -> None:
        _note(row, error, row.first_failed_at or utcnow())
        row.lease_token = row.lease_until = None
        row.status, row.finished_at = JobStatus.FAILED, utcnow()
        give_up(work, row, error, trace)


def _note(row: JobRow, error: Exception, since: datetime) -> None:
    row.error_code = error.code if isinstance(error, TwolaneError) else type(error).__name__[:60]
    row.error_message = str(error)[:2000]
    row.first_failed_at = since


def _lost(row: JobRow) -> TwolaneError:
    if row.handed_over_at is None:
        return WorkerLost(f"The worker was lost in the middle of {row.name}, attempt {row.attempt}.")
    return OutcomeUnknown(
        f"The function was lost while it handed {row.name} over; it may have been done. Look, and requeue it if not."
    )


def _comes_again(session: Session, row: JobRow) -> bool:
    """Whether the job is in hand, or another message for it waits or is on its way."""
    now = utcnow()
    if row.status == JobStatus.RUNNING:
        return row.lease_until is not None and row.lease_until > now
    waits = session.scalar(select(OutboxRow.id).where(OutboxRow.job_id == row.id).limit(1)) is not None
    return waits or row.queued_at > now


def _lock_documents(session: Session, ids: Select[UUID | None] | Sequence[UUID | None]) -> None:
    """Lock documents before their jobs, in order: whoever cancels or deletes one does so too, and nobody deadlocks."""
    session.execute(select(Document.id).where(Document.id.in_(ids)).order_by(Document.id).with_for_update())
