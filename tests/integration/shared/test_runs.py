"""What must not happen twice, on both databases: a job of the light lane lost at every point of its way."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from shared.config import Delivery, LightDelivery
from shared.contracts import SendEmail
from shared.db.unit_of_work import Database
from shared.errors import CircuitOpen, OutcomeUnknown, ProviderUnavailable, RateExceeded
from shared.models import DeadLetter, JobRow, JobStatus, MessageRow, OutboxRow, utcnow
from shared.services.jobs import Claim, Jobs
from shared.services.runs import Run, TakenOver
from shared.values import MessageStatus
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

PAST = timedelta(seconds=1)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, Delivery(), LightDelivery())


@pytest.fixture
def job_id(rows: Rows) -> UUID:
    """A mail that is to be sent."""
    return rows.job(SendEmail(message_id=rows.message()))


def claimed(jobs: Jobs, job_id: UUID) -> Claim:
    claim = jobs.claim_light(job_id)
    assert claim is not None
    return claim


def lose(rows: Rows, jobs: Jobs, job_id: UUID) -> None:
    """The function is gone and its lease runs out; the relay comes by."""
    rows.change(JobRow, job_id, lease_until=utcnow() - PAST)
    assert jobs.recover(10) == 1


def code_of(rows: Rows, job_id: UUID) -> str | None:
    return rows.get_job(job_id).error_code


def test_one_of_five_deliveries_of_a_message_does_the_job(jobs: Jobs, job_id: UUID) -> None:
    claims = at_once([lambda: jobs.claim_light(job_id)] * 5)
    assert len([claim for claim in claims if claim]) == 1


def test_a_message_in_the_middle_of_a_back_off_finds_nothing(jobs: Jobs, rows: Rows, job_id: UUID) -> None:
    rows.change(JobRow, job_id, queued_at=utcnow() + timedelta(seconds=30))
    assert jobs.claim_light(job_id) is None
    rows.change(JobRow, job_id, queued_at=utcnow() + timedelta(seconds=1))
    assert jobs.claim_light(job_id) is not None


def test_lost_before_it_was_handed_over_it_is_tried_again(
    jobs: Jobs, rows: Rows, job_id: UUID, outgoing: Outgoing
) -> None:
    claimed(jobs, job_id)
    lose(rows, jobs, job_id)
    assert (rows.get_job(job_id).status, code_of(rows, job_id)) == (JobStatus.QUEUED, "worker_lost")
    assert [message.job_id for message in outgoing.light] == [job_id]
    assert claimed(jobs, job_id).attempt == 2


def test_lost_too_often_it_is_given_up(jobs: Jobs, rows: Rows, job_id: UUID) -> None:
    for _ in range(5):
        claimed(jobs, job_id)
        lose(rows, jobs, job_id)
    assert (rows.get_job(job_id).status, rows.count(DeadLetter)) == (JobStatus.FAILED, 1)


def test_lost_once_after_many_failures_of_others_it_is_tried_again(jobs: Jobs, rows: Rows, job_id: UUID) -> None:
    for _ in range(6):
        assert jobs.fail(claimed(jobs, job_id), ProviderUnavailable("away")) == JobStatus.QUEUED
        rows.change(JobRow, job_id, queued_at=utcnow())
    claimed(jobs, job_id)
    lose(rows, jobs, job_id)
    assert rows.get_job(job_id).status == JobStatus.QUEUED


def test_lost_after_it_was_handed_over_it_is_a_dead_letter_and_not_repeated(
    jobs: Jobs, rows: Rows, job_id: UUID, outgoing: Outgoing
) -> None:
    effects: list[str] = []
    run = Run(jobs, claimed(jobs, job_id))
    run.once(lambda: effects.append("sent"))
    # A delivery of the same message comes after the lease has run out and before the relay: it must not do it again.
    rows.change(JobRow, job_id, lease_until=utcnow() - PAST)
    assert jobs.claim_light(job_id) is None
    lose(rows, jobs, job_id)
    assert (rows.get_job(job_id).status, code_of(rows, job_id)) == (JobStatus.FAILED, "outcome_unknown")
    assert jobs.claim_light(job_id) is None
    with rows.database.read() as session:
        assert session.get_one(DeadLetter, job_id).error_code == "outcome_unknown"
    assert (effects, outgoing.light, rows.count(OutboxRow)) == (["sent"], [], 0)


def test_a_provider_that_certainly_did_nothing_is_asked_again(jobs: Jobs, rows: Rows, job_id: UUID) -> None:
    run = Run(jobs, claimed(jobs, job_id))

    def away() -> None:
        raise ProviderUnavailable("away")

    with pytest.raises(ProviderUnavailable) as caught:
        run.once(away)
    assert not run.may_have_happened
    assert jobs.fail(run.claim, caught.value) == JobStatus.QUEUED
    assert rows.get_job(job_id).handed_over_at is None
    rows.change(JobRow, job_id, queued_at=utcnow())
    claimed(jobs, job_id)
    lose(rows, jobs, job_id)
    assert rows.get_job(job_id).status == JobStatus.QUEUED


def test_whatever_else_goes_wrong_in_the_effect_nobody_knows_whether_it_happened(
    jobs: Jobs, rows: Rows, job_id: UUID
) -> None:
    run = Run(jobs, claimed(jobs, job_id))
    with pytest.raises(OutcomeUnknown, match="ZeroDivisionError") as caught:
        run.once(lambda: 1 / 0)
    assert run.may_have_happened
    assert jobs.fail(run.claim, caught.value) == JobStatus.FAILED
    assert code_of(rows, job_id) == "outcome_unknown"


@pytest.mark.parametrize("lost", ["lease", "cancelled"])
def test_nothing_is_done_for_a_job_that_is_no_longer_ours(jobs: Jobs, rows: Rows, job_id: UUID, lost: str) -> None:
    run = Run(jobs, claimed(jobs, job_id))
    if lost == "lease":
        rows.change(JobRow, job_id, lease_until=utcnow() - PAST)
    else:
        rows.change(JobRow, job_id, status=JobStatus.CANCELLED)
    effects: list[str] = []
    with pytest.raises(TakenOver):
        run.once(lambda: effects.append("sent"))
    assert effects == []


def test_completion_is_written_with_what_was_done_or_not_at_all(
    database: Database, jobs: Jobs, rows: Rows, job_id: UUID
) -> None:
    run = Run(jobs, claimed(jobs, job_id))
    message_id = UUID(rows.get_job(job_id).payload["message_id"])
    rows.change(JobRow, job_id, status=JobStatus.CANCELLED)

    def note() -> None:
        with database.write() as work:
            work.session.get_one(MessageRow, message_id).status = MessageStatus.SENT
            run.complete(work.session)

    with pytest.raises(TakenOver):
        note()
    with database.read() as session:
        assert session.get_one(MessageRow, message_id).status == MessageStatus.QUEUED
    rows.change(JobRow, job_id, status=JobStatus.RUNNING)
    note()
    with database.read() as session:
        assert session.get_one(MessageRow, message_id).status == MessageStatus.SENT
    assert rows.get_job(job_id).status == JobStatus.SUCCEEDED


def test_a_full_rate_costs_no_attempt_and_leaves_no_error(jobs: Jobs, rows: Rows, job_id: UUID) -> None:
    for _ in range(10):
        rows.change(JobRow, job_id, queued_at=utcnow())
        assert jobs.fail(claimed(jobs, job_id), RateExceeded("full", retry_after=60)) == JobStatus.QUEUED
    job = rows.get_job(job_id)
    assert (job.attempt, job.error_code, job.first_failed_at) == (0, None, None)


def test_a_circuit_that_stays_open_ends_in_a_dead_letter(jobs: Jobs, rows: Rows, job_id: UUID) -> None:
    assert jobs.fail(claimed(jobs, job_id), CircuitOpen("open", retry_after=60)) == JobStatus.QUEUED
    began = rows.get_job(job_id).first_failed_at
    assert began is not None
    rows.change(JobRow, job_id, queued_at=utcnow(), first_failed_at=began - timedelta(hours=7))
    assert jobs.fail(claimed(jobs, job_id), CircuitOpen("still open", retry_after=60)) == JobStatus.FAILED
    assert (rows.get_job(job_id).attempt, code_of(rows, job_id)) == (0, "circuit_open")
    assert rows.count(DeadLetter) == 1


def test_a_back_off_longer_than_sqs_delays_waits_in_the_outbox(
    jobs: Jobs, rows: Rows, job_id: UUID, outgoing: Outgoing
) -> None:
    assert jobs.fail(claimed(jobs, job_id), ProviderUnavailable("away", retry_after=3600)) == JobStatus.QUEUED
    [waits] = rows.outbox()
    assert waits.available_at == rows.get_job(job_id).queued_at > utcnow() + timedelta(minutes=59)
    assert outgoing.light == []
