"""A broker on a real Redis, and databases that nobody has migrated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import text

from infra.migrations.run import upgrade
from shared.adapters.broker import Broker
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from tests.support.databases import Databases
from tests.support.outgoing import Outgoing
from tests.support.redis import RedisServer


@pytest.fixture
def broker(redis_server: RedisServer) -> Iterator[Broker]:
    """A producer and observer of `redis_server`."""
    broker = Broker(redis_server.url)
    yield broker
    broker.close()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """A client of `redis_server`."""
    with redis_server.client() as client:
        yield client


@pytest.fixture
def unmigrated(databases: Databases, outgoing: Outgoing) -> Iterator[Database]:
    """A database without tables; each test runs once on SQLite and once on PostgreSQL."""
    with databases.empty() as url:
        database = Database(make_engine(url), outgoing)
        yield database
        database.close()


@pytest.fixture
def behind(databases: Databases, outgoing: Outgoing) -> Iterator[Database]:
    """A database with tables that lack a column which the code needs."""
    with databases.empty() as url:
        upgrade(url)
        database = Database(make_engine(url), outgoing)
        with database.connect() as connection:
            connection.execute(text("ALTER TABLE outbox RENAME COLUMN available_at TO something_else"))
            connection.commit()
        yield database
        database.close()
