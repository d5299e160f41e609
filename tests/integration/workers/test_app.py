"""What the processes of a worker make, drop and leave to each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from shared.bootstrap import services
from shared.errors import DatabaseUnavailable
from tests.support.programs import free_port
from workers import app


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[None]:
    """This process as one of a worker's, of a fleet that reads nothing."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0", "WORKER_FLEET": "reports"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    services.cache_clear()
    yield
    services().close()
    services.cache_clear()


def test_a_process_of_the_pool_leaves_its_parent_s_connections_open_and_makes_its_own() -> None:
    inherited = services()
    with inherited.database.read() as session:
        session.execute(text("SELECT 1"))
    pool = inherited.database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedin() == 1
    app._warm_up()  # noqa: SLF001  # a handler of Celery's signal
    assert services() is not inherited
    assert inherited.database.engine.pool is not pool
    # As before: the parent goes on with it.
    assert pool.checkedin() == 1
    connection = pool.connect()
    connection.cursor().execute("SELECT 1")
    connection.close()
    pool.dispose()


def test_a_report_of_engines_that_fails_leaves_no_connections_to_the_processes_forked_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORKER_FLEET", "ocr")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{free_port()}/away")
    made = services()
    with pytest.raises(DatabaseUnavailable):
        app._report_engines()  # noqa: SLF001  # likewise
    assert services() is not made


def test_a_fleet_that_reads_nothing_reports_no_engines() -> None:
    made = services()
    app._report_engines()  # noqa: SLF001  # likewise
    assert "database" not in made.__dict__
