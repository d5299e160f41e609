"""One line a job, which is its metrics too: as `perform` writes it, and as a real worker prints it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared import metrics
from shared.bootstrap import services
from shared.contracts import Ping
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.errors import CorruptFile, EngineFailed
from shared.log import JsonFormatter
from shared.models import JobRow, JobStatus
from shared.services.ledger import DocumentGone
from tests.support import documents
from tests.support.databases import SqliteDatabases
from tests.support.emf import Dimensions, Found, metrics_in, metrics_of
from tests.support.engine_scripts import KILL, EngineScript
from tests.support.lanes import Lanes
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import wait_until
from workers import job
from workers.job import Run, perform

FLEET = (("Stack", "prod"), ("Fleet", "default"))
OCR = (("Stack", "prod"), ("Fleet", "ocr"))
STACK = (("Stack", "prod"),)


@pytest.fixture
def rows(sqlite_databases: SqliteDatabases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    """Rows of a database; this process is a worker on it, of the stack `prod`."""
    with sqlite_databases.migrated() as url:
        given = {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "STACK_NAME": "prod", "MAX_ATTEMPTS": "2"}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        _forget_services()
        engine = make_engine(url)
        yield Rows(Database(engine, Outgoing()))
        engine.dispose()
        job.heartbeat().stop()
        services().database.engine.dispose()
        _forget_services()


def _forget_services() -> None:
    for kept in (services, job.heartbeat, job.load_watch, job.stack_name):
        kept.cache_clear()


@pytest.fixture
def ended(rows: Rows, caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[Ping, Run], None]], Found]:
    """Performs a job with a function, and returns the metrics of the one line that is written of it."""
    caplog.set_level(logging.INFO)

    def end(function: Callable[[Ping, Run], None]) -> Found:
        caplog.clear()
        perform(function, Ping, rows.job(), {})
        lines = [JsonFormatter().format(record) for record in caplog.records]
        [line] = [line for line in lines if "_aws" in line]
        assert json.loads(line)["job"] == "maintenance.ping"
        return metrics_of(line)

    return end


Ended = Callable[[Callable[[Ping, Run], None]], Found]


def raises(error: Exception) -> Callable[[Ping, Run], None]:
    """A job function that raises."""

    def function(_message: Ping, _run: Run) -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "counted"),
    [
        (lambda _message, _run: None, "JobsSucceeded"),
        (raises(CorruptFile("it is torn")), "JobsFailed"),
        (raises(EngineFailed("no luck")), "JobsRetried"),
        (raises(ZeroDivisionError()), "JobsRetried"),
    ],
)
def test_every_end_of_a_job_is_counted_once_with_its_seconds(
    ended: Ended, function: Callable[[Ping, Run], None], counted: str
) -> None:
    found = ended(function)
    assert set(found) == {(counted, FLEET), ("JobSeconds", FLEET)}
    assert found[counted, FLEET] == 1
    assert 0 < found["JobSeconds", FLEET] < 5


def test_a_job_that_is_not_ours_to_end_is_not_counted(ended: Ended, rows: Rows) -> None:
    def taken_away(_message: Ping, run: Run) -> None:
        rows.change(JobRow, run.claim.job_id, status=JobStatus.CANCELLED)

    assert set(ended(taken_away)) == {("JobSeconds", FLEET)}
    assert set(ended(raises(DocumentGone("deleted")))) == {("JobSeconds", FLEET)}


def test_what_a_job_measures_is_added_up_and_kept_if_it_fails(ended: Ended) -> None:
    def reads_and_fails(_message: Ping, run: Run) -> None:
        run.measure(metrics.PAGES_READ, 2)
        run.measure(metrics.PAGES_READ, 3)
        raise EngineFailed("on page 6")

    assert ended(reads_and_fails)["PagesRead", STACK] == 5


def printed(lanes: Lanes, documents_closed: int) -> dict[tuple[str, Dimensions], list[float]]:
    """What the worker printed, once it has told of so many documents: it does so after they are closed."""

    def all_told() -> bool:
        return len(metrics_in(lanes.log()).get(("DocumentSeconds", STACK), [])) == documents_closed

    wait_until(all_told, 10, "the last job's line")
    return metrics_in(lanes.log())


def test_a_real_worker_prints_the_jobs_pages_and_seconds_of_a_document(
    tmp_path: Path, sqlite_databases: SqliteDatabases
) -> None:
    with sqlite_databases.migrated() as url, Lanes(tmp_path, url, {"STACK_NAME": "prod"}) as lanes:
        lanes.start_worker(LOG_LEVEL="ERROR")
        document_id = lanes.submit(("five.pdf", documents.scanned_pdf(5))).json()["id"]
        assert lanes.wait(document_id)["status"] == "completed"
        found = printed(lanes, 1)
    jobs = found["JobsSucceeded", OCR]
    assert len(jobs) == len(found["JobSeconds", OCR]) > 1
    assert sum(found["PagesRead", STACK]) == 5
    [seconds] = found["DocumentSeconds", STACK]
    assert 0 < seconds < 60


def test_a_retried_document_s_seconds_begin_with_the_retry_and_only_pages_read_anew_count(
    tmp_path: Path, sqlite_databases: SqliteDatabases
) -> None:
    engine = EngineScript(tmp_path, documents.HANG_ON_FIRST_CALL)
    with sqlite_databases.migrated() as url, Lanes(tmp_path, url, {"STACK_NAME": "prod"}) as lanes:
        patience = {"PAGE_TIMEOUT_SECONDS": "5", "MAX_ATTEMPTS": "1"}
        lanes.start_worker(TESSERACT_CMD=str(engine.path), **patience)
        document_id = lanes.submit(("two.pdf", documents.scanned_pdf(2))).json()["id"]
        assert lanes.wait(document_id)["status"] == "partial"
        lanes.client.post(f"/v1/documents/{document_id}/retry").raise_for_status()
        assert lanes.wait(document_id)["status"] == "completed"
        found = printed(lanes, 2)
    assert found["PagesRead", STACK] == [1, 1]
    first, again = found["DocumentSeconds", STACK]
    assert first > 5 > again


def test_a_child_that_was_killed_counts_as_a_retry(tmp_path: Path, sqlite_databases: SqliteDatabases) -> None:
    engine = EngineScript(tmp_path, KILL)
    with sqlite_databases.migrated() as url, Lanes(tmp_path, url, {"STACK_NAME": "prod"}) as lanes:
        lanes.start_worker(TESSERACT_CMD=str(engine.path))
        document_id = lanes.submit(("poison.png", documents.png("Poison"))).json()["id"]
        assert lanes.wait(document_id, relaying=True)["status"] == "failed"
        found = metrics_in(lanes.log())
    assert set(found["JobsRetried", OCR]) == {1}
