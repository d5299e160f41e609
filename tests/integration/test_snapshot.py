"""A function that wakes up from a snapshot: what was open before is dead, what was secret may have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

import boto3
import pytest
from redis import Redis
from sqlalchemy import make_url

from shared.adapters.broker import Broker
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.services.keys import Keys
from tests.support.databases import PostgresDatabases
from tests.support.lambda_function import LambdaFunction
from tests.support.object_store import ObjectStoreServer
from tests.support.outgoing import Outgoing
from tests.support.redis import RedisServer
from tests.support.wire import Wire

PATIENCE = 5.0
"""Seconds within which a request is answered; a connection that fell silent would keep it waiting."""


@dataclass(frozen=True)
class World:
    """What the function talks to: a database, a broker and a store, each over a wire of its own."""

    redis: RedisServer
    store: ObjectStoreServer
    wires: list[Wire]
    environment: dict[str, str]
    key: str

    def fall_silent(self) -> None:
        """Cut every connection there is; new ones work."""
        assert all(wire.cut() for wire in self.wires), "there was nothing to cut: this shows nothing"

    def queued(self) -> int:
        """Messages that wait."""
        broker = Broker(self.redis.url)
        try:
            return broker.waiting()
        finally:
            broker.close()


@pytest.fixture
def world(postgres_databases: PostgresDatabases, redis_server: RedisServer) -> Iterator[World]:
    """Everything started, one key made."""
    store = ObjectStoreServer().start()
    with ExitStack() as stack:
        stack.callback(store.stop)
        url = make_url(stack.enter_context(postgres_databases.migrated()))
        engine = make_engine(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
        key = Keys(Database(engine, Outgoing())).create(account="tests", name="tests", role="user").secret
        engine.dispose()
        assert url.port
        store_port = int(store.environment["AWS_ENDPOINT_URL"].rpartition(":")[2])
        wires = [stack.enter_context(Wire(port)) for port in (url.port, redis_server.port, store_port)]
        database, broker, objects = (wire.port for wire in wires)
        environment = {
            **store.environment,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{objects}",
            "DATABASE_URL": url.set(drivername="postgresql", port=database).render_as_string(hide_password=False),
            "REDIS_URL": f"redis://127.0.0.1:{broker}/0",
        }
        yield World(redis_server, store, wires, environment, key)


@pytest.fixture
def function(world: World) -> Iterator[LambdaFunction]:
    """The API, initialised."""
    with LambdaFunction(world.environment) as function:
        yield function


def png() -> bytes:
    """Enough of an image for the API; never the same."""
    return b"\x89PNG\r\n\x1a\n" + uuid4().bytes * 2


def test_a_snapshot_holds_no_connection_even_if_requests_came_before(function: LambdaFunction, world: World) -> None:
    assert function.submit(png(), world.key)["statusCode"] == 202
    assert function.connections() == 3
    function.before_snapshot()
    assert function.connections() == 0


def test_a_restored_function_imports_nothing_for_its_first_requests(function: LambdaFunction, world: World) -> None:
    function.before_snapshot()
    before = function.imported()
    function.after_restore()
    assert function.submit(png(), world.key)["statusCode"] == 202
    assert function.get("/v1/documents", world.key)["statusCode"] == 200
    assert function.imported() - before == set()


def test_a_restored_function_answers_the_first_time_whatever_it_had_open(
    function: LambdaFunction, world: World
) -> None:
    assert function.submit(png(), world.key)["statusCode"] == 202
    world.fall_silent()
    function.after_restore()
    assert function.submit(png(), world.key, PATIENCE)["statusCode"] == 202
    assert world.queued() == 2


def test_without_the_hook_it_would_wait_for_an_answer_that_never_comes(function: LambdaFunction, world: World) -> None:
    assert function.submit(png(), world.key)["statusCode"] == 202
    world.fall_silent()
    with pytest.raises(TimeoutError):
        function.submit(png(), world.key, PATIENCE)


@pytest.mark.parametrize(("restored", "status"), [(True, 200), (False, 503)])
def test_a_secret_that_was_rotated_is_read_anew(world: World, *, restored: bool, status: int) -> None:
    secrets = boto3.client(
        "secretsmanager",
        endpoint_url=world.store.environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  # moto takes any
    )
    with world.redis.client() as redis:
        redis.config_set("requirepass", "first")
    arn = secrets.create_secret(Name=str(uuid4()), SecretString=json.dumps({"password": "first"}))["ARN"]
    with LambdaFunction({**world.environment, "REDIS_SECRET_ARN": arn}) as function:
        assert function.get("/health/ready", world.key)["statusCode"] == 200
        with Redis.from_url(world.redis.url, password="first") as redis:  # noqa: S106  # as above
            redis.config_set("requirepass", "second")
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"password": "second"}))
        if restored:
            function.after_restore()
        assert function.get("/health/ready", world.key)["statusCode"] == status
    secrets.close()
