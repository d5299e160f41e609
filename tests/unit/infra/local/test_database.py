"""Which database the stack takes, and that it takes it alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local import checks, database
from infra.local.errors import LocalStackError
from infra.local.layout import Layout
from tests.support.postgres import PostgresCluster
from tests.support.programs import free_port


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A data directory."""
    return checks.data_directory(tmp_path / "data")


@pytest.fixture
def url(postgres: PostgresCluster) -> Iterator[str]:
    """An empty database of PostgreSQL, as a user would name it."""
    url = postgres.create_database()
    yield url.replace("+psycopg", "")
    postgres.drop_database(url)


def refusal(layout: Layout, given: str) -> str:
    """Why a stack does not take a database."""
    with pytest.raises(LocalStackError) as caught, database.held(layout, given):
        pass
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1, sentence
    return sentence


@pytest.mark.parametrize("given", [None, ""])
def test_without_one_the_state_is_in_the_data_directory(layout: Layout, given: str | None) -> None:
    with database.held(layout, given) as taken:
        assert taken == f"sqlite:///{layout.root}/twolane.db"


def test_a_damaged_file_is_refused(layout: Layout) -> None:
    layout.database.write_bytes(b"This was a database once. " * 500)
    assert "is damaged" in refusal(layout, "")


def test_a_postgresql_is_taken_as_it_was_given(layout: Layout, url: str) -> None:
    for given in (url, url.replace("postgresql://", "postgresql+psycopg://")):
        with database.held(layout, given) as taken:
            assert taken == given


def test_two_stacks_do_not_share_a_postgresql(layout: Layout, url: str) -> None:
    with database.held(layout, url):
        name = url.rpartition("/")[2]
        assert f"another twolane is running on the database {name} at 127.0.0.1:" in refusal(layout, url)
    # Free again afterwards.
    with database.held(layout, url):
        pass


def test_others_may_use_it_at_the_same_time(layout: Layout, url: str) -> None:
    with database.held(layout, url), psycopg.connect(url, autocommit=True) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_a_database_that_is_not_there_is_refused_with_the_remedy(layout: Layout) -> None:
    given = f"postgresql://someone:s3cret@127.0.0.1:{free_port()}/twolane"
    sentence = refusal(layout, given)
    assert sentence.startswith("the database cannot be used: ")
    assert sentence.endswith("; start it, or give another --database-url")
    assert "refused" in sentence
    assert "s3cret" not in sentence


def test_a_name_the_server_does_not_know_is_refused(layout: Layout, url: str) -> None:
    assert 'database "nobody" does not exist' in refusal(layout, url.rpartition("/")[0] + "/nobody")


def test_a_database_that_takes_connections_and_says_nothing_is_refused(layout: Layout) -> None:
    with socket.create_server((checks.HOST, 0)) as silent:
        port = silent.getsockname()[1]
        # libpq waits two seconds at least.
        assert "timeout expired" in refusal(layout, f"postgresql://{checks.HOST}:{port}/x?connect_timeout=2")


@pytest.mark.parametrize("given", ["sqlite:///other.db", "mysql://host/name", "postgresql://u:100%s3cret@host/name"])
def test_what_is_no_postgresql_url_is_refused_and_not_repeated(layout: Layout, given: str) -> None:
    sentence = refusal(layout, given)
    assert sentence.startswith("--database-url takes postgresql://USER:PASSWORD@HOST/NAME")
    assert "s3cret" not in sentence
