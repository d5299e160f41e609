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
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from infra.migrations.run import config, migrate, upgrade
from shared.db import schema
from shared.db.engine import make_engine
from shared.errors import DatabaseUnavailable, NotReady
from shared.models import Base
from tests.support.databases import Databases
from tests.support.programs import free_port


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    with databases.empty() as url:
        yield url


def of_search(name: str) -> bool:
    """Whether it is of the full-text index, which no model describes."""
    return name.startswith(("pages_search", "ix_pages_text_search"))


def tables(url: str) -> set[str]:
    engine = make_engine(url)
    names = {name for name in inspect(engine).get_table_names() if not of_search(name)}
    engine.dispose()
    return names


def differences(url: str) -> list[object]:
    engine = make_engine(url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": lambda _item, name, *_: not of_search(name or "")}
        context = MigrationContext.configure(connection, opts=options)
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


def test_the_code_knows_its_revision_and_revisions_are_counted() -> None:
    scripts = ScriptDirectory.from_config(config("sqlite:///unused"))
    assert scripts.get_current_head() == schema.REVISION
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert newest_first == sorted(newest_first, reverse=True)
    assert {len(revision) for revision in newest_first} == {4}


def test_migrating_tells_from_where_to_where(empty_url: str) -> None:
    assert migrate(empty_url) == f"the database was migrated from nothing to {schema.REVISION}"
    assert migrate(empty_url) == f"the database is at revision {schema.REVISION}; there is nothing to do"


def test_a_database_newer_than_the_code_is_left_as_it_is(empty_url: str) -> None:
    upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "newer than this code needs" in migrate(empty_url)
    schema.check(engine)
    assert schema.revision(engine) == "9999"
    engine.dispose()


def test_a_database_that_is_behind_is_not_good_enough(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with pytest.raises(NotReady, match=r"no tables yet: run `python -m infra\.migrations\.run`"):
        schema.check(engine)
    upgrade(empty_url)
    schema.check(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(NotReady, match=rf"at revision 0000 and this code needs {schema.REVISION}: run"):
        schema.check(engine)
    engine.dispose()


def test_a_database_that_never_answers_is_given_up() -> None:
    url = f"postgresql+psycopg://me:hidden@127.0.0.1:{free_port()}/twolane"
    with pytest.raises(DatabaseUnavailable, match="Connection refused") as caught:
        migrate(url, wait_seconds=0.6)
    assert "hidden" not in str(caught.value)


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.migrations.run"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_answers_in_one_line(empty_url: str) -> None:
    done = run({"DATABASE_URL": empty_url})
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert f"from nothing to {schema.REVISION}" in done.stdout


def test_the_command_says_why_it_failed(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE accounts (id INTEGER)"))
    done = run({"DATABASE_URL": empty_url})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "nothing of it was kept" in done.stderr
    assert schema.revision(engine) is None
    engine.dispose()
