"""Deployments of real processes for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import SqliteDatabases
from tests.support.lanes import Lanes


@pytest.fixture
def lanes(tmp_path: Path, database_url: str) -> Iterator[Lanes]:
    """A deployment of a test's own, without workers; once on SQLite and once on PostgreSQL."""
    with Lanes(tmp_path, database_url) as lanes:
        yield lanes


@pytest.fixture(scope="module")
def shared_lanes(tmp_path_factory: pytest.TempPathFactory, sqlite_databases: SqliteDatabases) -> Iterator[Lanes]:
    """A deployment for the tests of a module, with one worker."""
    with (
        sqlite_databases.migrated() as url,
        Lanes(tmp_path_factory.mktemp("lanes"), url, {"PAGE_TIMEOUT_SECONDS": "60"}) as lanes,
    ):
        lanes.start_worker()
        yield lanes
