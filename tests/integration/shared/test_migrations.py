"""Migrations make what the models say, on both databases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from infra.migrations.run import config, upgrade
from shared.db.engine import make_engine
from shared.models import Base
from tests.support.databases import Databases


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    with databases.empty() as url:
        yield url


def tables(url: str) -> set[str]:
    engine = make_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def differences(url: str) -> list[object]:
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[object] = compare_metadata(context, Base.metadata)
    engine.dispose()
    return found


def test_upgrade_from_nothing_makes_what_the_models_say(empty_url: str) -> None:
    upgrade(empty_url)
    assert tables(empty_url) == {*Base.metadata.tables, "alembic_version"}
    assert differences(empty_url) == []


def test_upgrade_can_be_repeated(empty_url: str) -> None:
    upgrade(empty_url)
    upgrade(empty_url)
    assert differences(empty_url) == []


def test_upgrades_at_the_same_moment_make_one_schema(empty_url: str) -> None:
    command_line = [sys.executable, "-m", "infra.migrations.run"]
    environment = os.environ | {"DATABASE_URL": empty_url}
    upgrades = [subprocess.Popen(command_line, env=environment) for _ in range(2)]
    assert [process.wait(30) for process in upgrades] == [0, 0]
    assert differences(empty_url) == []


def test_downgrade_leaves_nothing_and_upgrade_comes_back(empty_url: str) -> None:
    upgrade(empty_url)
    command.downgrade(config(empty_url), "base")
    assert tables(empty_url) == {"alembic_version"}
    upgrade(empty_url)
    assert differences(empty_url) == []
