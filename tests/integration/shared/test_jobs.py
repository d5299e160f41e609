"""The life of a job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from shared.adapters.s3 import S3Store
from shared.config import Delivery
from shared.contracts import OcrDocument
from shared.db.unit_of_work import MAX_COUNTDOWN, Database
from shared.errors import Conflict, CorruptFile, EngineFailed
from shared.models import Document, DocumentStatus, JobRow, JobStatus, OutboxRow, utcnow
from shared.services.documents import Documents
from shared.services.jobs import Claim, Jobs
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

ATTEMPTS = 3


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, Delivery(max_attempts=ATTEMPTS, retry_seconds=5))


def claimed(jobs: Jobs, job_id: UUID) -> Claim:
    claim = jobs.claim(job_id)
    assert claim is not None
    return claim


def expire(rows: Rows, job_id: UUID) -> None:
    rows.change(JobRow, job_id, lease_until=utcnow() - timedelta(seconds=1))


def test_one_of_eight_claims_a_job(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    claims = at_once([lambda: jobs.claim(job_id)] * 8)
    assert len([claim for claim in claims if claim]) == 1
    row = rows.get_job(job_id)
    assert (row.status, row.attempt) == (JobStatus.RUNNING, 1)
    assert row.started_at is not None


def test_a_claim_counts_attempts_and_knows_the_last(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    seen = []
    for _ in range(ATTEMPTS):
        claim = claimed(jobs, job_id)
        seen.append((claim.attempt, claim.last))
        expire(rows, job_id)
    assert seen == [(1, False), (2, False), (3, True)]
    assert jobs.claim(job_id) is None


def test_a_job_with_a_live_lease_is_refused(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    claimed(jobs, job_id)
    assert jobs.claim(job_id) is None


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_job_that_is_over_is_refused(jobs: Jobs, rows: Rows, status: JobStatus) -> None:
    assert jobs.claim(rows.job(status=status)) is None


def test_an_unknown_job_is_refused(jobs: Jobs) -> None:
    assert jobs.claim(uuid4()) is None


def test_an_expired_lease_passes_to_the_next(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    first = claimed(jobs, job_id)
    expire(rows, job_id)
    second = claimed(jobs, job_id)
    assert not jobs.renew(first)
    assert not jobs.succeed(first)
    assert jobs.fail(first, EngineFailed("late")) is None
    assert jobs.renew(second)
    assert jobs.succeed(second)


def test_renewing_extends_the_lease(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    claim = claimed(jobs, job_id)
    expire(rows, job_id)
    assert jobs.renew(claim)
    until = rows.get_job(job_id).lease_until
    assert until is not None
    assert until > utcnow() + timedelta(seconds=30)


def test_success_is_written_once(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    claim = claimed(jobs, job_id)
    assert jobs.succeed(claim)
    assert not jobs.succeed(claim)
    row = rows.get_job(job_id)
    assert (row.status, row.lease_token, row.lease_until) == (JobStatus.SUCCEEDED, None, None)
    assert row.finished_at is not None


def test_a_failure_queues_the_job_again_after_a_back_off(jobs: Jobs, rows: Rows, outgoing: Outgoing) -> None:
    job_id = rows.job()
    assert jobs.fail(claimed(jobs, job_id), EngineFailed("it died")) == JobStatus.QUEUED
    row = rows.get_job(job_id)
    assert (row.error_code, row.error_message, row.lease_token) == ("engine_failed", "it died", None)
    [message] = outgoing.sent
    wait = (message.available_at - utcnow()).total_seconds()
    assert 5 * 0.75 - 1 < wait <= 5 * 1.25


def test_back_offs_double_and_never_pass_the_longest_countdown(
    database: Database, rows: Rows, outgoing: Outgoing
) -> None:
    jobs = Jobs(database, Delivery(max_attempts=20, retry_seconds=5))
    job_id = rows.job()
    for _ in range(10):
        jobs.fail(claimed(jobs, job_id), EngineFailed("again"))
    waits = [message.available_at - utcnow() for message in outgoing.sent]
    assert len(waits) == 10
    assert all(earlier < later for earlier, later in pairwise(waits[:5]))
    assert max(waits) <= MAX_COUNTDOWN


def test_the_last_attempt_fails_the_job(jobs: Jobs, rows: Rows, outgoing: Outgoing) -> None:
    job_id = rows.job()
    statuses = [jobs.fail(claimed(jobs, job_id), EngineFailed("it died")) for _ in range(ATTEMPTS)]
    assert statuses == [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.FAILED]
    assert len(outgoing.sent) == ATTEMPTS - 1
    assert rows.get_job(job_id).finished_at is not None


def test_a_permanent_error_fails_the_job_at_once(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    assert jobs.fail(claimed(jobs, job_id), CorruptFile("no image")) == JobStatus.FAILED
    assert rows.get_job(job_id).error_code == "corrupt_file"


def test_an_unforeseen_error_is_named_and_tried_again(jobs: Jobs, rows: Rows) -> None:
    job_id = rows.job()
    assert jobs.fail(claimed(jobs, job_id), ZeroDivisionError("by zero")) == JobStatus.QUEUED
    assert rows.get_job(job_id).error_code == "ZeroDivisionError"


@pytest.mark.parametrize("text", ["a NUL \x00 inside", "a lone surrogate \udc80 inside", "x" * 5000])
def test_whatever_an_error_says_can_be_written(jobs: Jobs, rows: Rows, text: str) -> None:
    job_id = rows.job()
    assert jobs.fail(claimed(jobs, job_id), EngineFailed(text)) == JobStatus.QUEUED
    assert (rows.get_job(job_id).error_message or "").startswith(text[:2])


def test_recovery_takes_jobs_whose_lease_ran_out(jobs: Jobs, rows: Rows, outgoing: Outgoing) -> None:
    lost, alive = rows.job(), rows.job()
    claimed(jobs, lost)
    claimed(jobs, alive)
    expire(rows, lost)
    assert jobs.recover(10) == 1
    assert [message.job_id for message in outgoing.sent] == [lost]
    assert rows.get_job(lost).status == JobStatus.QUEUED
    assert rows.get_job(lost).error_code == "worker_lost"
    assert rows.get_job(alive).status == JobStatus.RUNNING
    assert jobs.recover(10) == 0


def test_recovery_takes_no_more_than_its_limit(jobs: Jobs, rows: Rows) -> None:
    for job_id in [rows.job() for _ in range(3)]:
        claimed(jobs, job_id)
        expire(rows, job_id)
    assert [jobs.recover(2), jobs.recover(2)] == [2, 1]


def test_two_recoveries_at_the_same_moment_take_each_job_once(jobs: Jobs, rows: Rows) -> None:
    for job_id in [rows.job(document_id=rows.document().id) for _ in range(4)]:
        claimed(jobs, job_id)
        expire(rows, job_id)
    assert sum(at_once([lambda: jobs.recover(10)] * 3)) == 4
    assert rows.count(OutboxRow) == 0


def test_recovery_gives_up_what_was_lost_too_often(jobs: Jobs, rows: Rows) -> None:
    document = rows.document()
    job_id = rows.job(OcrDocument(document_id=document.id), document_id=document.id, attempt=ATTEMPTS - 1)
    claimed(jobs, job_id)
    expire(rows, job_id)
    assert jobs.recover(10) == 1
    assert rows.get_job(job_id).status == JobStatus.FAILED
    given_up = rows.get_document(document.id)
    assert (given_up.status, given_up.error_code) == (DocumentStatus.FAILED, "worker_lost")


def test_releasing_makes_running_jobs_claimable(jobs: Jobs, rows: Rows) -> None:
    first, second = rows.job(), rows.job()
    claimed(jobs, first)
    claimed(jobs, second)
    assert jobs.release(first) == 1
    assert jobs.claim(second) is None
    assert claimed(jobs, first).attempt == 2
    assert jobs.release() == 2
    assert jobs.claim(second) is not None


@pytest.mark.parametrize("end", [Documents.cancel, Documents.delete])
def test_ending_a_document_and_failing_its_job_never_block_each_other(
    database: Database, rows: Rows, end: Callable[[Documents, UUID, UUID], object], s3_store: S3Store
) -> None:
    """Both lock the document before the job; the other order deadlocks within a few of these rounds."""
    jobs = Jobs(database, Delivery(max_attempts=1))
    documents = Documents(database, s3_store)
    for _ in range(6):
        document = rows.document(status=DocumentStatus.PROCESSING)
        claims = [
            claimed(jobs, rows.job(OcrDocument(document_id=document.id), document_id=document.id)) for _ in range(4)
        ]
        fails = [partial(jobs.fail, claim, EngineFailed("it died")) for claim in claims]
        calls: list[Callable[[], object]] = [*fails, partial(_unless_final, end, documents, document)]
        at_once(calls)
    assert rows.count(Document) in {0, 6}


def _unless_final(end: Callable[[Documents, UUID, UUID], object], documents: Documents, document: Document) -> None:
    try:
        end(documents, document.account_id, document.id)
    except Conflict:
        return
