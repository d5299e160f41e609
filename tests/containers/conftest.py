"""What tests of containers share. They need a Docker engine and built images: `make containers` sees to both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import Containers
from tests.support.databases import PostgresDatabases
from tests.support.lanes import Lanes
from tests.support.worker_containers import WorkerContainers


@pytest.fixture
def containers() -> Iterator[Containers]:
    """Starts containers for one test, and removes them after it."""
    with Containers() as started:
        yield started


@pytest.fixture
def lanes(tmp_path: Path, postgres_databases: PostgresDatabases) -> Iterator[Lanes]:
    """The API, Redis, PostgreSQL and an object store on 127.0.0.1, without workers."""
    with postgres_databases.migrated() as url, Lanes(tmp_path, url) as lanes:
        yield lanes


@pytest.fixture
def workers(lanes: Lanes, containers: Containers) -> WorkerContainers:
    """Starts containers of workers for `lanes`."""
    return WorkerContainers(containers, lanes)
