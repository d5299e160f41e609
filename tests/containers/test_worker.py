"""The worker's image as ECS runs it: read-only, without privileges, stopped with SIGTERM."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from infra import samples
from shared.db import schema
from shared.db.engine import make_engine
from tests.support import documents
from tests.support.containers import Container, image_config, mount
from tests.support.databases import PostgresDatabases
from tests.support.ecs_agent import EcsAgent
from tests.support.lanes import Lanes
from tests.support.programs import free_port
from tests.support.slow_engine import INSIDE, SlowEngine
from tests.support.waiting import wait_until
from tests.support.worker_containers import IMAGE, WorkerContainers

STOP_TIMEOUT = 120
"""The task definition's `stopTimeout`."""

PASSWORD = "correct-horse"  # noqa: S105  # of nothing

OFTEN = ("--health-interval", "1s", "--health-retries", "2")
"""The image's own health check, asked more often."""


def stop(container: Container) -> float:
    """Stop a container as ECS does and return after how many seconds it was gone."""
    began = time.monotonic()
    container.stop(STOP_TIMEOUT)
    return time.monotonic() - began


def healthy(container: Container) -> None:
    """Wait until a worker consumes."""
    wait_until(lambda: container.health == "healthy", 60, f"a healthy worker; it said {container.log()}")


def test_the_image_is_what_ecs_is_told_of() -> None:
    config = image_config(IMAGE)
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["python", "-m", "workers"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "workers.health"]
    assert "REMAP_SIGTERM=SIGQUIT" in config["Env"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_image_holds_what_a_worker_needs_and_nothing_to_build_or_test_with(workers: WorkerContainers) -> None:
    look = (
        "for tool in pip uv gcc cc make git curl; do command -v $tool; done; "
        "ls -d tests functions infra/local 2>/dev/null; python -c 'import fastapi' 2>/dev/null && echo fastapi; "
        "find . -name '*.py' | while read f; do d=$(dirname $f); ls $d/__pycache__/$(basename $f .py).*.pyc; done "
        ">/dev/null"
    )
    assert workers.run(("--entrypoint", "sh"), ("-c", look)) == (0, "", "")


def test_a_worker_reads_a_document_and_is_healthy_only_while_it_consumes(
    lanes: Lanes, workers: WorkerContainers
) -> None:
    worker = workers.start(*OFTEN)
    healthy(worker)
    document = lanes.wait(lanes.submit(samples.path("letter-scan.png")).json()["id"])
    assert document["status"] == "completed"
    result = lanes.client.get(f"/v1/documents/{document['id']}/result", params={"format": "text"}).text
    assert samples.word_recall(samples.expected_text("letter-scan.png"), result) > 0.9
    lanes.redis.pause()
    try:
        wait_until(lambda: worker.health == "unhealthy", 90, "an unhealthy worker")
        assert worker.running
    finally:
        lanes.redis.resume()
    healthy(worker)
    assert stop(worker) < 10
    assert worker.exit_code == 0
    # Celery warns of users it does not know, and of root.
    assert "Warning" not in worker.log()


@pytest.mark.parametrize("engine", ["tesseract", "rapidocr"])
def test_each_engine_of_the_image_reads_and_a_searchable_pdf_is_made(
    lanes: Lanes, workers: WorkerContainers, engine: str
) -> None:
    healthy(workers.start(*OFTEN))
    document = lanes.wait(lanes.submit(samples.path("letter-scan.png"), engine=engine).json()["id"])
    assert (document["status"], document["engine"]) == ("completed", engine)
    path = f"/v1/documents/{document['id']}/result"
    text = lanes.client.get(path).text
    assert samples.word_recall(samples.expected_text("letter-scan.png"), text) > 0.9
    assert lanes.client.get(path, params={"format": "pdfa"}).content.startswith(b"%PDF-")


def test_stopped_in_the_middle_of_a_document_it_ends_its_job_and_another_goes_on(
    lanes: Lanes, workers: WorkerContainers, tmp_path: Path
) -> None:
    engine = SlowEngine(tmp_path / "engine", seconds=0.5)
    options = (*OFTEN, *mount(engine.directory, INSIDE))
    first = workers.start(*options, **engine.environment)
    healthy(first)
    document_id = lanes.submit(("long.pdf", documents.scanned_pdf(20))).json()["id"]
    wait_until(lambda: len(done(lanes, document_id)) >= 3, 60, "three pages")
    assert stop(first) < 20
    assert first.exit_code == 0
    before = done(lanes, document_id)
    assert 3 <= len(before) < 20
    workers.start(*options, **engine.environment)
    finished(lanes, document_id, before)
    assert engine.calls == 20


def test_what_it_can_t_end_in_time_is_handed_on_and_no_page_is_lost(
    lanes: Lanes, workers: WorkerContainers, tmp_path: Path
) -> None:
    engine = SlowEngine(tmp_path / "engine", seconds=0.5)
    options = (*OFTEN, *mount(engine.directory, INSIDE))
    # One job for the whole document, longer than it may take to end; a lease that nobody waits for in this test.
    settings = engine.environment | {"INLINE_PAGES": "20", "LEASE_SECONDS": "600", "WORKER_SOFT_SHUTDOWN_SECONDS": "2"}
    first = workers.start(*options, **settings)
    healthy(first)
    document_id = lanes.submit(("long.pdf", documents.scanned_pdf(20))).json()["id"]
    wait_until(lambda: len(done(lanes, document_id)) >= 3, 60, "three pages")
    assert stop(first) < 20
    assert "the job was handed on" in first.log()
    assert "Traceback" not in first.log()
    before = done(lanes, document_id)
    assert 3 <= len(before) < 20
    workers.start(*options, **settings)
    finished(lanes, document_id, before)
    # The page in hand when the time was up is the only one that may be read twice.
    assert 20 <= engine.calls <= 21


def done(lanes: Lanes, document_id: str) -> dict[int, str]:
    """The pages that are read, and where their words lie."""
    return {page.number: page.words_key for page in lanes.pages(document_id) if page.words_key}


def finished(lanes: Lanes, document_id: str, before: dict[int, str]) -> None:
    """Wait until a document of 20 pages is completed without the relay; see each page there once, as first read."""
    assert lanes.wait(document_id, 100)["status"] == "completed"
    after = done(lanes, document_id)
    assert sorted(after) == list(range(1, 21))
    assert {number: after[number] for number in before} == before
    result = lanes.client.get(f"/v1/documents/{document_id}/result", params={"format": "json"}).json()
    assert [documents.page_word(page["number"]) in page["text"] for page in result["pages"]] == [True] * 20
    wait_until(lambda: lanes.broker.waiting() + lanes.broker.under_way() == 0, 20, "an empty broker")


def test_a_worker_at_work_is_protected(lanes: Lanes, workers: WorkerContainers) -> None:
    with EcsAgent() as agent:
        worker = workers.start(*OFTEN, ECS_AGENT_URI=agent.uri)
        healthy(worker)
        assert agent.wishes == []
        document_id = lanes.submit(samples.path("letter-scan.png")).json()["id"]
        wait_until(lambda: agent.protected, 20, "protection")
        assert lanes.wait(document_id)["status"] == "completed"
        stop(worker)
        assert agent.protected == [True, False]


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({"REDIS_URL": f"rediss://:{PASSWORD}@127.0.0.1/0"}, "?ssl_cert_reqs=required"),
        ({"REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"}, "check REDIS_URL"),
        ({"DATABASE_URL": f"postgresql://me:{PASSWORD}@127.0.0.1:{free_port()}/x"}, "check DATABASE_URL"),
        ({"DOCUMENTS_BUCKET": "nowhere"}, "DOCUMENTS_BUCKET"),
        ({"WORKER_FLEET": "ocrr"}, "set WORKER_FLEET to ocr"),
        ({"WORKER_SOFT_SHUTDOWN_SECONDS": "120"}, "set it to 100 or less"),
    ],
)
def test_a_bad_deployment_is_refused(workers: WorkerContainers, settings: dict[str, str], cure: str) -> None:
    assert_refused(workers, cure, **settings)


def test_a_redis_that_evicts_is_refused(lanes: Lanes, workers: WorkerContainers) -> None:
    with lanes.redis.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    assert_refused(workers, "set it to noeviction")


def test_a_database_behind_is_refused_and_the_same_image_migrates_it(
    workers: WorkerContainers, postgres_databases: PostgresDatabases
) -> None:
    migrations = ("--entrypoint", "python")
    command = ("-m", "infra.migrations.run")
    with postgres_databases.empty() as url:
        assert_refused(workers, "run `python -m infra.migrations.run`", DATABASE_URL=url)
        assert workers.run(migrations, command, DATABASE_URL=url) == (
            0,
            f"twolane: the database was migrated from nothing to {schema.REVISION}\n",
            "",
        )
        engine = make_engine(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        engine.dispose()
        assert_refused(workers, f"at revision 0000 and this code needs {schema.REVISION}", DATABASE_URL=url)
    code, out, error = workers.run(migrations, command, DATABASE_URL="mysql://nobody")
    assert (code, out) == (1, "")
    assert "DATABASE_URL: must start with" in error


def assert_refused(workers: WorkerContainers, cure: str, **settings: str) -> None:
    """See a worker end with exit code 2 and one sentence, which holds `cure` and no password."""
    code, out, error = workers.run(**({"WORKER_START_SECONDS": "1"} | settings))
    assert (code, out, error.count("\n")) == (2, "", 1), error
    assert cure in error
    assert PASSWORD not in error


def test_sigterm_is_heard_while_it_still_waits_for_its_database(workers: WorkerContainers) -> None:
    worker = workers.start(DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/x", WORKER_START_SECONDS="100")
    pid_1 = "grep -q '^SigCgt:.*[4-7c-f]...$' /proc/1/status"  # 0x4000: SIGTERM
    wait_until(lambda: worker.execute("sh", "-c", pid_1).returncode == 0, 30, "its handler of SIGTERM")
    assert stop(worker) < 10
    assert worker.exit_code == 0
