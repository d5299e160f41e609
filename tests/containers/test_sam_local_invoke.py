"""`sam local invoke` for every function of the template, with recorded events, against real stores.

Each function is called as it was built, in Lambda's runtime, and looked at from both sides: what it answered, and what
it did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select

from infra.local.layout import PROJECT
from shared.adapters.broker import Broker
from shared.contracts import FLEETS, Ping
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.models import Base, Document, DocumentStatus, OutboxRow
from shared.services.keys import Keys, NewKey
from tests.support.databases import PostgresDatabases
from tests.support.object_store import ObjectStoreServer
from tests.support.outgoing import Outgoing
from tests.support.redis import RedisServer
from tests.support.rows import Rows
from tests.support.sam import EVENTS, Invocation, SamLocal, body_of, functions_of, recorded, say

FUNCTIONS = functions_of(PROJECT / "template.yaml")
EXAMPLE_KEY = "tl_API_KEY"
UPLOADED = b"\x89PNG\r\n\x1a\n" + bytes(24)
"""The 32 bytes that the recorded upload tells of."""


@dataclass(slots=True)
class Stores:
    """What the functions work on, seen from outside."""

    database: Database
    redis: RedisServer
    objects: ObjectStoreServer
    broker: Broker
    sam: SamLocal

    def invoke(self, folder: str, event: dict[str, Any], what: str = "") -> Invocation:
        """Call the function that lives in `functions/FOLDER`."""
        return self.sam.invoke(FUNCTIONS[folder], event, what)

    def key(self) -> NewKey:
        """A new user's key."""
        return Keys(self.database).create(account="someone", name="test", role="user")

    def document(self, document_id: str) -> Document:
        """A document as it is now."""
        with self.database.read() as session:
            return session.scalars(select(Document).where(Document.id == UUID(document_id))).one()

    def stored(self, document_id: str) -> list[str]:
        """The keys of a document's objects."""
        keys = self.objects.keys()
        return [key for key in keys if document_id in key]

    def left_in_outbox(self) -> int:
        """Count the messages that no broker has taken."""
        with self.database.read() as session:
            return session.scalars(select(func.count()).select_from(OutboxRow)).one()


@pytest.fixture(scope="module")
def stores(
    tmp_path_factory: pytest.TempPathFactory, postgres_databases: PostgresDatabases, request: pytest.FixtureRequest
) -> Iterator[Stores]:
    """PostgreSQL, Redis, an object store, and sam in front of them."""
    directory = tmp_path_factory.mktemp("sam")
    redis, objects = RedisServer(directory), ObjectStoreServer()
    with postgres_databases.migrated() as url:
        redis.start()
        objects.start()
        engine = make_engine(url)
        variables = {"DATABASE_URL": url, "REDIS_URL": redis.url, "STACK_NAME": "recorded", "RELAY_GRACE_SECONDS": "0"}
        try:
            with SamLocal(directory, {**variables, **objects.environment}) as sam:
                yield Stores(Database(engine, Outgoing()), redis, objects, Broker(redis.url), sam)
                say(request.config, *map(str, sam.invocations))
        finally:
            engine.dispose()
            objects.stop()
            redis.kill()


@pytest.fixture(autouse=True)
def quiet(stores: Stores) -> None:
    """Each test begins with nothing in the database and nothing in the broker."""
    stores.redis.flush()
    with stores.database.write() as work:
        for table in reversed(Base.metadata.sorted_tables):
            work.session.execute(delete(table))


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_every_function_has_a_recorded_event(folder: str) -> None:
    assert (EVENTS / f"{folder}.json").exists(), f"record an event of {FUNCTIONS[folder]} in tests/events/{folder}.json"


def test_the_api_is_ready(stores: Stores) -> None:
    invocation = stores.invoke("api", recorded("api"), "GET /health/ready")
    assert invocation.answer["statusCode"] == 200, invocation.log
    assert body_of(invocation.answer)["status"] == "ok"


def test_the_api_takes_a_form(stores: Stores) -> None:
    key = stores.key()
    invocation = stores.invoke("api", recorded("api_submit", {EXAMPLE_KEY: key.secret}), "POST /v1/documents")
    assert invocation.answer["statusCode"] == 202, invocation.log
    shown = body_of(invocation.answer)
    row = stores.document(shown["id"])
    assert (row.status, row.account_id, row.filename) == (DocumentStatus.QUEUED, key.account.id, "recorded.png")
    assert stores.stored(shown["id"]) == [f"documents/{shown['id']}/source"]
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (0, 1)


def test_the_api_refuses_the_key_of_the_example(stores: Stores) -> None:
    invocation = stores.invoke("api", recorded("api_list"), "GET /v1/documents")
    assert invocation.answer["statusCode"] == 401, invocation.log
    assert body_of(invocation.answer)["code"] == "unauthorized"


def test_an_upload_is_accepted(stores: Stores) -> None:
    event = recorded("ingest")
    landed = json.loads(event["Records"][0]["body"])["detail"]["object"]["key"]
    document_id = landed.split("/")[1]
    row = Rows(stores.database).document(
        id=UUID(document_id), status=DocumentStatus.AWAITING_UPLOAD, source_key=landed, size_bytes=len(UPLOADED)
    )
    stores.objects.put(landed, UPLOADED)
    invocation = stores.invoke("ingest", event)
    assert invocation.answer == {"batchItemFailures": []}, invocation.log
    assert stores.document(document_id).status == DocumentStatus.QUEUED
    assert stores.document(document_id).sha256 != row.sha256
    # It lies where no form reaches it, and nowhere else.
    (key,) = stores.stored(document_id)
    assert key.startswith(f"documents/{document_id}/source")
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (0, 1)


def test_the_relay_publishes_what_was_left_behind(stores: Stores) -> None:
    nobody_listens = Outgoing()
    nobody_listens.down = True
    with Database(stores.database.engine, nobody_listens).write() as work:
        work.send(Ping())
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (1, 0)
    invocation = stores.invoke("relay_outbox", recorded("relay_outbox"))
    assert invocation.answer.get("published") == 1, invocation.log
    assert (stores.left_in_outbox(), stores.broker.waiting()) == (0, 1)


def test_the_publisher_writes_what_cloudwatch_reads(stores: Stores) -> None:
    with Database(stores.database.engine, stores.broker.send).write() as work:
        work.send(Ping())
    invocation = stores.invoke("publish_metrics", recorded("publish_metrics"))
    assert invocation.answer, invocation.log
    lines = [json.loads(line) for line in invocation.log.splitlines() if line.startswith("{") and '"_aws"' in line]
    assert {line["Stack"] for line in lines} == {"recorded"}
    by_fleet = {line["Fleet"]: line for line in lines if "Fleet" in line}
    assert {fleet: line["Load"] for fleet, line in by_fleet.items()} == {**dict.fromkeys(FLEETS, 0), "default": 1}
    assert any("OutboxAgeSeconds" in line for line in lines)
    assert invocation.answer == {"metrics": sum(len(declared(line)) for line in lines)}


def test_an_operator_gets_a_key_that_the_api_knows(stores: Stores) -> None:
    invocation = stores.invoke("create_key", recorded("create_key"))
    key = invocation.answer["key"]
    assert key not in invocation.log
    listed = stores.invoke("api", recorded("api_list", {EXAMPLE_KEY: key}), "GET /v1/documents")
    assert listed.answer["statusCode"] == 200, listed.log
    assert body_of(listed.answer) == {"items": [], "next_cursor": None}


def test_no_function_was_left_out(stores: Stores) -> None:
    # The last of this file: a function that is new in the template needs a test above.
    called = {invocation.function for invocation in stores.sam.invocations}
    assert called == set(FUNCTIONS.values())


def declared(line: dict[str, Any]) -> list[str]:
    """The metrics that a line says it carries."""
    return [metric["Name"] for part in line["_aws"]["CloudWatchMetrics"] for metric in part["Metrics"]]
