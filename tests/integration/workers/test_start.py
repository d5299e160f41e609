"""A bad deployment is refused at the start: one sentence that names the cure, exit code 2, no password."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from infra.migrations.run import config
from shared.db.engine import make_engine
from tests.support.databases import Databases, SqliteDatabases
from tests.support.object_store import ObjectStoreServer
from tests.support.programs import free_port
from tests.support.redis import RedisServer
from tests.support.secrets_manager import SecretsManager
from tests.support.waiting import wait_until

PASSWORD = "correct-horse"  # noqa: S105  # of nothing

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redis-AbCdEf"


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStoreServer]:
    """An object store for the tests of this module."""
    server = ObjectStoreServer().start()
    yield server
    server.stop()


@pytest.fixture
def good(
    redis_server: RedisServer, sqlite_databases: SqliteDatabases, store: ObjectStoreServer
) -> Iterator[dict[str, str]]:
    """The environment of a worker that would start."""
    with sqlite_databases.migrated() as url:
        yield {
            **store.environment,
            "DATABASE_URL": url,
            "REDIS_URL": redis_server.url,
            "WORKER_START_SECONDS": "1",
        }


def start(environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a worker."""
    return subprocess.Popen(
        [sys.executable, "-m", "workers"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def refused(environment: Mapping[str, str]) -> str:
    """What a worker says that is refused; nothing else may be on its streams."""
    began = time.monotonic()
    worker = start(environment)
    try:
        said, _ = worker.communicate(timeout=60)
    finally:
        worker.kill()
    assert (worker.returncode, said.count("\n")) == (2, 1), said
    assert said.startswith("twolane: The worker can't start")
    assert PASSWORD not in said
    assert time.monotonic() - began < 30
    return said


@pytest.mark.parametrize(
    ("variable", "value", "cure"),
    [
        ("WORKER_FLEET", "ocrr", "set WORKER_FLEET to ocr, "),
        (
            "PAGE_TIMEOUT_SECONDS",
            "1800",
            "PAGE_TIMEOUT_SECONDS is 1800, but a job is killed after 1800 seconds",
        ),
        ("WORKER_SOFT_SHUTDOWN_SECONDS", "120", "set it to 100 or less"),
        ("LEASE_SECONDS", "0.5", "set it to 60, or to 1 at least"),
        ("LEASE_SECONDS", "7200", "set it to 60, or to 1800 at most"),
        ("REDIS_URL", f"rediss://:{PASSWORD}@127.0.0.1/0", "?ssl_cert_reqs=required"),
        ("DATABASE_URL", f"mysql://me:{PASSWORD}@127.0.0.1/x", "must start with postgresql:// or sqlite:///"),
    ],
)
def test_contradictory_settings_are_refused(good: dict[str, str], variable: str, value: str, cure: str) -> None:
    assert cure in refused(good | {variable: value})


def test_a_redis_that_is_not_there_is_refused(good: dict[str, str]) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"
    said = refused(good | {"REDIS_URL": url})
    assert "the broker does not answer" in said
    assert "check REDIS_URL" in said


@pytest.mark.parametrize(
    "given",
    [{"REDIS_SECRET_ARN": ARN}, {"DATABASE_SECRET_ARN": ARN, "DATABASE_URL": "postgresql://127.0.0.1/twolane"}],
    ids=["broker", "database"],
)
def test_a_secrets_manager_that_is_not_there_is_refused_with_a_cure_of_its_own(
    good: dict[str, str], given: dict[str, str]
) -> None:
    away = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{free_port()}"}
    said = refused(good | given | away)
    assert "Secrets Manager does not answer" in said
    assert "interface endpoint" in said
    assert "_URL, that" not in said


def test_a_secret_that_is_gone_when_celery_asks_for_it_is_refused_in_a_sentence(
    good: dict[str, str], redis_server: RedisServer
) -> None:
    with redis_server.client() as client, SecretsManager({"password": PASSWORD}, answers=1) as manager:
        client.config_set("requirepass", PASSWORD)
        said = refused(good | {"REDIS_SECRET_ARN": ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.url})
    assert "interface endpoint" in said


def test_a_secrets_manager_that_comes_late_is_waited_for(
    good: dict[str, str], redis_server: RedisServer, tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    late = {"REDIS_SECRET_ARN": ARN, "WORKER_START_SECONDS": "60", "WORKER_ALIVE_FILE": str(alive)}
    # A question is asked three times.
    with redis_server.client() as client, SecretsManager({"password": PASSWORD}, silences=4) as manager:
        client.config_set("requirepass", PASSWORD)
        worker = start(good | late | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.url})
        try:
            wait_until(alive.exists, 40, "the worker's first sign of life")
        finally:
            worker.send_signal(signal.SIGTERM)
            said, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert PASSWORD not in said


def test_a_silent_redis_is_refused(good: dict[str, str], redis_server: RedisServer) -> None:
    redis_server.pause()
    try:
        assert "check REDIS_URL" in refused(good)
    finally:
        redis_server.resume()


def test_a_redis_that_evicts_jobs_is_refused(good: dict[str, str], redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    said = refused(good)
    assert "maxmemory-policy allkeys-lru" in said
    assert "set it to noeviction" in said


def test_a_database_that_is_not_there_is_refused(good: dict[str, str]) -> None:
    said = refused(good | {"DATABASE_URL": f"postgresql://me:{PASSWORD}@127.0.0.1:{free_port()}/twolane"})
    assert "the database does not answer" in said
    assert "check DATABASE_URL" in said


def test_a_database_without_tables_is_refused(good: dict[str, str], databases: Databases) -> None:
    with databases.empty() as url:
        assert "no tables yet: run `python -m infra.migrations.run`" in refused(good | {"DATABASE_URL": url})


def test_a_database_that_is_behind_is_refused(good: dict[str, str], databases: Databases) -> None:
    with databases.migrated() as url:
        set_revision(url, "0000")
        said = refused(good | {"DATABASE_URL": url})
    assert "at revision 0000 and this code needs 00" in said
    assert "run `python -m infra.migrations.run`" in said


def test_a_database_migrated_back_to_nothing_is_refused(
    good: dict[str, str], sqlite_databases: SqliteDatabases
) -> None:
    with sqlite_databases.migrated() as url:
        command.downgrade(config(url), "base")
        assert "run `python -m infra.migrations.run`" in refused(good | {"DATABASE_URL": url})


def test_a_bucket_that_is_not_there_is_refused(good: dict[str, str]) -> None:
    said = refused(good | {"DOCUMENTS_BUCKET": "nowhere"})
    assert "there is no bucket nowhere" in said.lower()


def test_a_store_that_is_not_there_is_refused(good: dict[str, str]) -> None:
    said = refused(good | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"})
    assert "the object store does not answer" in said


def test_a_newer_database_and_a_late_redis_are_good_enough(
    good: dict[str, str], redis_server: RedisServer, tmp_path: Path
) -> None:
    set_revision(good["DATABASE_URL"], "9999")
    redis_server.kill()
    alive = tmp_path / "alive"
    worker = start(good | {"WORKER_START_SECONDS": "60", "WORKER_ALIVE_FILE": str(alive)})
    try:
        redis_server.start()
        wait_until(alive.exists, 40, "the worker's first sign of life")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
    assert worker.returncode == 0


@pytest.mark.parametrize("fleet", ["reports", "default"])
def test_a_fleet_that_reads_nothing_starts_and_offers_no_engine(
    good: dict[str, str], tmp_path: Path, fleet: str
) -> None:
    alive = tmp_path / "alive"
    worker = start(good | {"WORKER_FLEET": fleet, "WORKER_ALIVE_FILE": str(alive)})
    try:
        wait_until(alive.exists, 40, "the worker's first sign of life")
    finally:
        worker.send_signal(signal.SIGTERM)
        said, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert "ERROR" not in said
    engine = make_engine(good["DATABASE_URL"])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM engines")).all() == []
    engine.dispose()


def test_sigterm_ends_a_worker_that_still_waits(good: dict[str, str]) -> None:
    worker = start(good | {"WORKER_START_SECONDS": "60", "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
    wait_until(lambda: handles(worker.pid, signal.SIGTERM), 20, "its handler of SIGTERM")
    worker.send_signal(signal.SIGTERM)
    try:
        assert worker.communicate(timeout=10)[0] == ""
    finally:
        worker.kill()
    assert worker.returncode == 0


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal, as the kernel sees it."""
    (caught,) = [
        line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")
    ]
    return bool(int(caught, 16) & (1 << (number - 1)))


def set_revision(url: str, revision: str) -> None:
    """Have a database say that it is at a revision."""
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()
