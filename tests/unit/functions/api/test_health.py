"""Health, and life without a database, a broker or an object store."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from functions.api import VERSION
from functions.api.main import create_app
from shared.adapters.broker import Broker
from shared.bootstrap import services
from shared.config import ConfigurationError
from shared.db.schema import CURE
from tests.unit.functions.api.conftest import Connect, serve


@pytest.fixture
def anonymous(connect: Connect) -> httpx.Client:
    return connect(None)


@pytest.mark.parametrize("path", ["/health", "/health/live"])
def test_a_process_that_lives_says_so(anonymous: httpx.Client, path: str) -> None:
    assert anonymous.get(path).json() == {"status": "ok", "version": VERSION}


def test_each_failing_check_is_named(anonymous: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = anonymous.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert [error["field"] for error in answer.json()["errors"]] == ["broker"]
    monkeypatch.setattr(services().store, "_bucket", "nowhere")
    failing = anonymous.get("/health/ready").json()["errors"]
    assert [error["field"] for error in failing] == ["storage", "broker"]


def test_all_is_ready_when_all_answer(anonymous: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broker, "ping", lambda _: None)
    assert anonymous.get("/health/ready").status_code == 200


def test_celery_is_healthy_when_a_worker_answers(anonymous: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = anonymous.get("/health/celery")
    assert [error["field"] for error in answer.json()["errors"]] == ["broker"]
    monkeypatch.setattr(Broker, "workers", lambda _: [])
    answer = anonymous.get("/health/celery")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (503, "workers")
    monkeypatch.setattr(Broker, "workers", lambda _: ["ocr@one"])
    assert anonymous.get("/health/celery").json()["workers"] == ["ocr@one"]


@pytest.fixture
def without_database(environment: pytest.MonkeyPatch, closed_port: int) -> Iterator[httpx.Client]:
    """A client of an API whose database refuses connections."""
    del environment
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"postgresql://someone:hidden@127.0.0.1:{closed_port}/twolane")
        services.cache_clear()
        headers = {"X-API-Key": "tl_any"}
        with serve(create_app()) as url, httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
            yield client
    services.cache_clear()


def test_without_a_database_answers_are_503_soon(without_database: httpx.Client) -> None:
    start = time.monotonic()
    answer = without_database.get("/v1/documents")
    assert time.monotonic() - start < 5
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert "127.0.0.1" not in answer.text


def test_readiness_names_a_missing_database_and_life_goes_on(without_database: httpx.Client) -> None:
    failing = without_database.get("/health/ready").json()["errors"]
    assert "database" in [error["field"] for error in failing]
    assert without_database.get("/health/live").status_code == 200


def test_an_unmigrated_database_is_not_ready(
    environment: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    del environment
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('empty')}/empty.sqlite")
        services.cache_clear()
        with serve(create_app()) as url:
            failing = httpx.get(f"{url}/health/ready", trust_env=False).json()["errors"]
            answer = httpx.get(f"{url}/v1/documents", headers={"X-API-Key": "tl_any"}, trust_env=False)
        services().database.engine.dispose()
    services.cache_clear()
    said = {error["field"]: error["message"] for error in failing}["database"]
    assert said == f"The database has no tables yet: {CURE}"
    assert (answer.status_code, answer.json()["code"]) == (503, "not_migrated")


def test_what_the_environment_lacks_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://someone:hidden@127.0.0.1/twolane")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1/0")
    monkeypatch.delenv("DOCUMENTS_BUCKET", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        create_app()
    assert "DATABASE_URL: " in str(caught.value)
    assert "DOCUMENTS_BUCKET: " in str(caught.value)
    assert "hidden" not in str(caught.value)
