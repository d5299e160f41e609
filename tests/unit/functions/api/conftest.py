"""The API as its clients see it: over a real database and moto's S3, with a broker that does not answer.

That is a SQLite file, and for modules marked `BOTH_DATABASES` PostgreSQL as well.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import boto3
import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from moto import mock_aws

from functions.api.main import create_app
from shared.bootstrap import Services, services
from shared.models import Document, DocumentStatus, Page, PageStatus, utcnow
from shared.services.keys import NewKey
from shared.values import Role
from tests.support.databases import Databases
from tests.unit.functions.api.contract import Contract

BUCKET = "documents"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
"""Enough of an image for the API, which looks at the first bytes."""

BOTH_DATABASES = pytest.mark.parametrize("environment", ["sqlite", "postgresql"], indirect=True, scope="package")
"""Mark of modules whose requests carry texts that the two databases take differently."""

Connect = Callable[[str | None], httpx.Client]


@pytest.fixture(scope="package")
def closed_port() -> int:
    """A port of this machine nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="package")
def environment(request: pytest.FixtureRequest, closed_port: int) -> Iterator[pytest.MonkeyPatch]:
    """What the API reads at its start, with a migrated database and an empty bucket."""
    name = "postgres_databases" if getattr(request, "param", "sqlite") == "postgresql" else "sqlite_databases"
    databases: Databases = request.getfixturevalue(name)
    with databases.migrated() as database_url, pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("DATABASE_URL", database_url)
        patch.setenv("REDIS_URL", f"redis://127.0.0.1:{closed_port}/0")
        patch.setenv("DOCUMENTS_BUCKET", BUCKET)
        patch.setenv("SMS_ENABLED", "true")
        patch.setenv("MAIL_FROM", "Twolane <twolane@example.com>")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        place: Any = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        services.cache_clear()
        first = services()
        yield patch
        # Tests of broken environments leave new services behind.
        for left in (first, services()):
            left.database.engine.dispose()
        services.cache_clear()


@pytest.fixture(scope="package")
def stack(environment: pytest.MonkeyPatch) -> Services:
    """The services behind the API; tests keep out of each other's way by having accounts of their own."""
    del environment
    return services()


@pytest.fixture(scope="package")
def app(environment: pytest.MonkeyPatch) -> FastAPI:
    """The application."""
    del environment
    return create_app()


@pytest.fixture(scope="package")
def url(app: FastAPI) -> Iterator[str]:
    """Where the application answers: a real server, for bodies and connections are half of what is tested."""
    with serve(app) as where:
        yield where


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def new_key(stack: Services, role: Role = "user") -> NewKey:
    """A key of an account that no other test has."""
    return stack.keys.create(account=f"account {uuid4()}", name="laptop", role=role)


@pytest.fixture
def user(stack: Services) -> NewKey:
    """A user's key."""
    return new_key(stack)


@pytest.fixture
def connect(app: FastAPI, url: str) -> Iterator[Connect]:
    """Makes clients that speak with a key, or none; every answer they get is held to the OpenAPI document."""
    contract = Contract(app.openapi())
    made: list[httpx.Client] = []

    def make(key: str | None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        hooks = {"response": [contract.check]}
        client = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False, event_hooks=hooks)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Connect, user: NewKey) -> httpx.Client:
    """A user."""
    return connect(user.secret)


@pytest.fixture
def admin(connect: Connect, stack: Services) -> httpx.Client:
    """An admin."""
    return connect(new_key(stack, "admin").secret)


@pytest.fixture
def stranger(connect: Connect, stack: Services) -> httpx.Client:
    """A user of another account."""
    return connect(new_key(stack).secret)


@pytest.fixture
def anonymous(connect: Connect) -> httpx.Client:
    """Somebody without a key."""
    return connect(None)


@pytest.fixture
def finish(stack: Services) -> Callable[..., None]:
    """Ends documents as a worker would: pages with words, results, a final status."""

    def end(document_id: UUID, pages: int = 2, status: DocumentStatus = DocumentStatus.COMPLETED) -> None:
        key = f"documents/{document_id}/words/0.json"
        words = [b'[{"text":"w%d","confidence":0.9,"box":[1,2,3,4]}]' % number for number in range(1, pages + 1)]
        stack.store.put(key, b"".join(words))
        stack.store.put(f"documents/{document_id}/result.txt", "Grüße\n".encode(), "text/plain")
        stack.store.put(f"documents/{document_id}/result.json", b'{"pages": []}', "application/json")
        with stack.database.write() as work:
            offset = 0
            for number, raw in enumerate(words, start=1):
                work.session.add(_page(document_id, number, key, offset, len(raw)))
                offset += len(raw)
            row = work.session.get_one(Document, document_id)
            row.status, row.completed_at, row.pages_total, row.pages_done = status, utcnow(), pages, pages

    return end


def _page(document_id: UUID, number: int, key: str, offset: int, length: int) -> Page:
    return Page(
        document_id=document_id,
        number=number,
        status=PageStatus.DONE,
        text=f"page {number}",
        source="ocr",
        engine="tesseract",
        words_key=key,
        words_offset=offset,
        words_length=length,
    )


@pytest.fixture
def document_id(client: httpx.Client) -> UUID:
    """A document that was just sent."""
    answer = client.post("/v1/documents", files={"file": ("scan.png", PNG)})
    return UUID(answer.json()["id"])
