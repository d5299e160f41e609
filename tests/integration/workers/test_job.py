"""The @job wrapper: claimed once, kept alive, ended, tried again, given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from shared.bootstrap import Services, services
from shared.contracts import OcrDocument, Ping
from shared.errors import CorruptFile, EngineFailed
from shared.models import JobRow, JobStatus, utcnow
from tests.support.programs import free_port
from tests.support.rows import Rows
from tests.support.waiting import wait_until
from workers import job
from workers.app import app
from workers.job import Run, perform

LEASE_SECONDS = 0.6


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[Services]:
    """This process as a worker: its services read their settings from the environment."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DOCUMENTS_BUCKET", "documents")
    monkeypatch.setenv("LEASE_SECONDS", str(LEASE_SECONDS))
    monkeypatch.setenv("MAX_ATTEMPTS", "2")
    _forget()
    app.loader.import_default_modules()
    yield services()
    job.heartbeat().stop()
    services().database.engine.dispose()
    _forget()


def _forget() -> None:
    for kept in (services, job.heartbeat, job.load_watch):
        kept.cache_clear()


def fails_with(error: Exception) -> Callable[[Ping, Run], None]:
    """A job function that raises."""

    def function(_message: Ping, _run: Run) -> None:
        raise error

    return function


def attempt(rows: Rows, job_id: UUID, function: Callable[[Ping, Run], None]) -> JobRow:
    """The job after one delivery."""
    perform(function, Ping, job_id, {})
    return rows.get_job(job_id)


def test_a_job_delivered_twice_runs_once(rows: Rows) -> None:
    job_id, runs = rows.job(), list[int]()

    def function(_message: Ping, run: Run) -> None:
        runs.append(run.claim.attempt)

    assert attempt(rows, job_id, function).status == JobStatus.SUCCEEDED
    assert attempt(rows, job_id, function).attempt == 1
    assert runs == [1]


def test_a_failure_is_tried_again_until_the_cap_and_keeps_its_error(rows: Rows) -> None:
    job_id = rows.job()
    once = attempt(rows, job_id, fails_with(EngineFailed("no luck")))
    assert (once.status, once.error_code, once.error_message) == (JobStatus.QUEUED, "engine_failed", "no luck")
    assert len(rows.outbox()) == 1
    assert attempt(rows, job_id, fails_with(EngineFailed("no luck"))).status == JobStatus.FAILED


def test_an_error_nobody_foresaw_is_tried_again_too(rows: Rows) -> None:
    row = attempt(rows, rows.job(), fails_with(ZeroDivisionError("division by zero")))
    assert (row.status, row.error_code) == (JobStatus.QUEUED, "ZeroDivisionError")


def test_a_permanent_error_is_not_tried_again(rows: Rows) -> None:
    row = attempt(rows, rows.job(), fails_with(CorruptFile("it is torn")))
    assert (row.status, row.attempt) == (JobStatus.FAILED, 1)


def test_a_job_told_to_stop_by_its_time_limit_is_tried_again(rows: Rows) -> None:
    row = attempt(rows, rows.job(), fails_with(SoftTimeLimitExceeded()))
    assert (row.status, row.error_code) == (JobStatus.QUEUED, "job_timeout")


def test_a_payload_that_does_not_fit_is_a_failure_like_any_other(rows: Rows) -> None:
    job_id = rows.job()
    perform(fails_with(AssertionError("not reached")), OcrDocument, job_id, {"document_id": "nonsense"})  # type: ignore[arg-type]  # as a stranger might send it
    assert rows.get_job(job_id).error_code == "ValidationError"


def test_a_lease_is_renewed_for_as_long_as_the_work_takes(rows: Rows, process: Services) -> None:
    job_id = rows.job()

    def function(_message: Ping, run: Run) -> None:
        first = rows.get_job(job_id).lease_until
        assert first is not None
        wait_until(lambda: utcnow() > first, 5, "the end of the first lease")
        assert process.jobs.recover(10) == 0
        run.check()

    assert attempt(rows, job_id, function).status == JobStatus.SUCCEEDED


@pytest.mark.parametrize("away", [True, False], ids=["away", "refuses"])
def test_a_secret_that_cannot_be_read_costs_the_count_of_the_load_and_no_job(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, object_store: None, *, away: bool
) -> None:
    del object_store  # the whole of AWS, without the secret
    monkeypatch.setenv("REDIS_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:redis-AbCdEf")
    if away:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
    runs = list[int]()

    def function(_message: Ping, run: Run) -> None:
        runs.append(run.claim.attempt)

    assert attempt(rows, rows.job(), function).status == JobStatus.SUCCEEDED
    assert runs == [1]


def test_a_cancelled_job_notices(rows: Rows) -> None:
    job_id, noticed = rows.job(), list[str]()

    def function(_message: Ping, run: Run) -> None:
        rows.change(JobRow, job_id, status=JobStatus.CANCELLED)
        wait_until(lambda: run.lease.lost, 5, "the loss of the lease")
        try:
            run.check()
        except job.LeaseLost as lost:
            noticed.append(lost.code)
            raise

    assert attempt(rows, job_id, function).status == JobStatus.CANCELLED
    assert noticed == ["lease_lost"]


def test_the_lease_of_a_killed_child_ends_at_once(rows: Rows, process: Services) -> None:
    job_id = rows.job()
    assert process.jobs.claim(job_id) is not None
    assert process.jobs.claim(job_id) is None
    app.tasks[Ping.name].on_retry(EngineFailed("killed"), "task", (), {"job_id": str(job_id)}, None)
    assert process.jobs.claim(job_id) is not None


def test_every_setting_of_celery_on_redis_is_as_the_design_says(process: Services) -> None:
    del process
    app_settings = app.conf
    options = app_settings.broker_transport_options
    assert app_settings.task_acks_late
    assert app_settings.worker_prefetch_multiplier == 1
    assert app_settings.task_retry_on_worker_lost
    assert not app_settings.task_reject_on_worker_lost
    assert all(task.max_retries == 2 for name, task in app.tasks.items() if not name.startswith("celery."))
    assert app_settings.task_ignore_result
    assert app_settings.result_backend is None
    assert not app_settings.worker_redirect_stdouts
    assert (app_settings.task_serializer, app_settings.accept_content) == ("json", ["json"])
    assert options["global_keyprefix"] == "{twolane}:"
    assert options["priority_steps"] == [0, 3, 6, 9]
    assert options["visibility_timeout"] > app_settings.task_time_limit + 300
    fleets = {options["unacked_key"], options["unacked_index_key"], options["unacked_mutex_key"]}
    assert fleets == {"unacked.all", "unacked.all.index", "unacked.all.mutex"}
    assert 0 < app_settings.worker_soft_shutdown_timeout < 120
