"""A job that was given up is done again."""

from __future__ import annotations

from sqlalchemy import select, update

from shared.db.unit_of_work import UnitOfWork
from shared.models import DeadLetter, JobRow, JobStatus, utcnow


def restart(work: UnitOfWork, job: JobRow) -> None:
    """Queue a job that failed, and is locked, as if it had never been tried."""
    job.status, job.attempt, job.faults, job.queued_at = JobStatus.QUEUED, 0, 0, utcnow()
    job.lease_token = job.lease_until = job.handed_over_at = None
    job.finished_at = job.first_failed_at = job.error_code = job.error_message = None
    work.resend(job)


def restart_failed(work: UnitOfWork, key: str) -> bool:
    """Restart the job of a key if it was given up, and settle its dead letter; False where there is no such job."""
    given_up = select(JobRow).where(JobRow.key == key, JobRow.status == JobStatus.FAILED)
    job = work.session.scalar(given_up.with_for_update())
    if job is None:
        return False
    restart(work, job)
    work.session.execute(
        update(DeadLetter)
        .where(DeadLetter.job_id == job.id, DeadLetter.resolved_at.is_(None))
        .values(resolved_at=utcnow(), resolution="retried")
    )
    return True
