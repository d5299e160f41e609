"""Migrated databases, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Protocol

from infra.migrations.run import upgrade
from shared.models import Base
from tests.support.postgres import PostgresCluster


class Databases(Protocol):
    """Gives out databases of one kind; each lasts as long as its `with` block."""

    def empty(self) -> AbstractContextManager[str]:
        """The URL of one without tables."""
        ...

    def migrated(self) -> AbstractContextManager[str]:
        """The URL of one at the newest revision."""
        ...


class SqliteDatabases:
    """Files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count(1)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a file that is not there yet."""
        yield f"sqlite:///{self._new()}"

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a copy of the migrated file."""
        path = shutil.copy(self._template, self._new())
        yield f"sqlite:///{path}"

    @cached_property
    def _template(self) -> Path:
        path = self._new()
        upgrade(f"sqlite:///{path}")
        return path

    def _new(self) -> Path:
        return self._directory / f"{next(self._numbers)}.sqlite"


class PostgresDatabases:
    """Databases of a cluster."""

    def __init__(self, cluster: PostgresCluster) -> None:
        self._cluster = cluster
        self._spare: list[str] = []

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a new database."""
        url = self._cluster.create_database()
        yield url
        self._cluster.drop_database(url)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a copy of the migrated database, emptied and used again afterwards: copying takes longer."""
        url = self._spare.pop() if self._spare else self._cluster.create_database(self._template)
        yield url
        self._cluster.empty_tables(url, [table.name for table in reversed(Base.metadata.sorted_tables)])
        self._spare.append(url)

    @cached_property
    def _template(self) -> str:
        url = self._cluster.create_database()
        upgrade(url)
        return url
