"""Fixtures every test may ask for: real servers, fresh databases, an object store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from hypothesis import settings
from moto import mock_aws

from shared.adapters.s3 import S3Store
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from tests.support.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.support.outgoing import Outgoing
from tests.support.postgres import PostgresCluster
from tests.support.redis import RedisServer
from tests.support.rows import Rows

# Properties are about results; how long an example takes says how busy the machine is.
settings.register_profile("twolane", deadline=None)
settings.load_profile("twolane")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    """A PostgreSQL cluster, for as long as the tests run."""
    cluster = PostgresCluster()
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres_databases(postgres: PostgresCluster) -> PostgresDatabases:
    """Databases of the cluster."""
    return PostgresDatabases(postgres)


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Databases that are files."""
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Each kind of database in turn; the servers of one that is not asked for are not started."""
    name = "sqlite_databases" if request.param == "sqlite" else "postgres_databases"
    given: Databases = request.getfixturevalue(name)
    return given


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a fresh, migrated database; each test runs once on SQLite and once on PostgreSQL."""
    with databases.migrated() as url:
        yield url


@pytest.fixture
def outgoing() -> Outgoing:
    """Takes the messages of `database` in place of a broker."""
    return Outgoing()


@pytest.fixture
def database(database_url: str, outgoing: Outgoing) -> Iterator[Database]:
    """Transactions on a fresh database, publishing to `outgoing`."""
    engine = make_engine(database_url)
    yield Database(engine, outgoing, outgoing.take_light, outgoing.take_events)
    engine.dispose()


@pytest.fixture
def rows(database: Database) -> Rows:
    """Rows to begin with, in `database`."""
    return Rows(database)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server, empty."""
    server = RedisServer(tmp_path)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def object_store() -> Iterator[None]:
    """An object store that lives in this process; starting one takes a second, so the tests of a module share it."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            yield


@pytest.fixture
def bucket(object_store: None) -> str:
    """The name of an empty bucket."""
    del object_store
    name = f"documents-{uuid4()}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3_store(bucket: str) -> S3Store:
    """The store of an empty bucket."""
    return S3Store(bucket)
