"""`publish_metrics`: what it prints is what CloudWatch will know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.publish_metrics import handler as publish_metrics
from infra.migrations.run import upgrade
from shared import metrics
from shared.bootstrap import services
from shared.contracts import FLEETS, Ping
from tests.support.emf import Found, metrics_in
from tests.support.redis import RedisServer

PER_FLEET = ("Backlog", "InFlight", "Load", "OldestQueuedSeconds", "WorkersAlive", "UnattendedLoad")


@pytest.fixture(autouse=True)
def wired(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of a function of the stack `prod`."""
    url = f"sqlite:///{tmp_path}/twolane.db"
    upgrade(url)
    for name, value in {"DATABASE_URL": url, "REDIS_URL": redis_server.url, "STACK_NAME": "prod"}.items():
        monkeypatch.setenv(name, value)
    services.cache_clear()
    yield
    services().database.engine.dispose()
    services.cache_clear()


def published(capsys: pytest.CaptureFixture[str]) -> Found:
    """What one run prints; each metric once."""
    answer = publish_metrics.handler({}, LambdaContext())
    found = metrics_in(capsys.readouterr().out)
    assert all(len(values) == 1 for values in found.values())
    assert answer == {"metrics": len(found)}
    return {key: value for key, [value] in found.items()}


def of(fleet: str) -> tuple[tuple[str, str], ...]:
    """The dimensions of a fleet."""
    return (("Stack", "prod"), ("Fleet", fleet))


STACK = (("Stack", "prod"),)


def test_every_metric_of_every_fleet_and_of_the_stack_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(published(capsys)) == {
        *((name, of(fleet)) for name in PER_FLEET for fleet in FLEETS),
        ("OutboxAgeSeconds", STACK),
        ("DeadLetters", STACK),
    }


def test_what_waits_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with services().database.write() as work:
        work.send(Ping(), priority=9)
        work.send(Ping(), priority=1)
    found = published(capsys)
    assert found["Load", of("default")] == 2
    assert found["Load", of("ocr")] == 0


def test_nothing_is_printed_for_a_broker_that_is_away(
    capsys: pytest.CaptureFixture[str], redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.kill()
    names = {name for name, _ in published(capsys)}
    assert names == {metrics.OLDEST_QUEUED_SECONDS.name, metrics.OUTBOX_AGE_SECONDS.name, metrics.DEAD_LETTERS.name}
    assert "The broker does not answer" in caplog.text


def test_with_nothing_to_be_told_it_prints_nothing_and_does_not_fail(
    capsys: pytest.CaptureFixture[str], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.kill()
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    services.cache_clear()
    assert published(capsys) == {}
