"""What is committed is answered for, whatever keeps its message from leaving."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import select

from shared.adapters import secrets
from shared.adapters.doze import DozeNote
from shared.bootstrap import Services
from shared.config import ConfigurationError
from shared.contracts import Ping, SendEmail
from shared.errors import BrokerUnavailable
from shared.events import BatchCompleted
from shared.models import EventRow
from tests.support.programs import free_port
from tests.support.redis import RedisServer
from tests.support.rows import Rows


@pytest.fixture
def wired(database_url: str, object_store: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services whose broker has its password in a secret that nobody made."""
    del object_store
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("REDIS_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:nobody-made-it")
    services = Services()
    yield services
    services.close()


@pytest.fixture
def silent_secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Secrets Manager takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield


def send(wired: Services) -> float:
    """Have a job done; return the seconds that took."""
    started = time.monotonic()
    with wired.database.write() as work:
        work.send(Ping())
    return time.monotonic() - started


def test_a_secret_that_may_not_be_read_leaves_the_message_in_the_outbox(
    wired: Services, caplog: pytest.LogCaptureFixture
) -> None:
    send(wired)
    assert len(Rows(wired.database).outbox()) == 1
    assert "REDIS_SECRET_ARN: the secret can't be read" in caplog.text


@pytest.mark.usefixtures("silent_secrets_manager")
def test_a_silent_secrets_manager_is_waited_for_once_and_not_long(wired: Services) -> None:
    with pytest.raises(BrokerUnavailable):
        _ = wired.broker  # with the first use a process also loads what it needs
    wired.close()
    wired = Services()
    assert send(wired) < 5
    assert sum(send(wired) for _ in range(5)) < 3
    assert len(Rows(wired.database).outbox()) == 6
    wired.close()


def test_a_secrets_manager_that_comes_back_is_asked_again(
    wired: Services, silent_secrets_manager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del silent_secrets_manager
    monkeypatch.setattr(secrets, "BELIEVED_SECONDS", 0)
    with pytest.raises(BrokerUnavailable):
        _ = wired.broker
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(ConfigurationError):
        _ = wired.broker


@pytest.mark.usefixtures("silent_secrets_manager")
def test_without_a_way_to_the_broker_the_rest_of_what_is_going_on_is_told(wired: Services) -> None:
    assert wired.monitoring.stats().fleets is None


def test_what_cannot_even_be_tried_leaves_light_work_and_events_for_the_relay(
    wired: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LIGHT_QUEUES", '{"email": "https://example.com/queue"}')
    monkeypatch.setenv("EVENT_BUS_NAME", "bus")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "this is no URL")
    account_id = Rows(wired.database).account()
    with wired.database.write() as work:
        work.send(SendEmail(message_id=uuid4()))
        work.emit(account_id, BatchCompleted(batch_id=uuid4(), counts={}))
    assert len(Rows(wired.database).outbox()) == 1
    with wired.database.read() as session:
        assert session.scalars(select(EventRow.published_at)).all() == [None]
    assert "messages of the light lane stay in the outbox" in caplog.text
    assert "events stay in the database" in caplog.text


def test_what_stays_behind_of_the_light_lane_ends_the_doze(
    wired: Services, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.delenv("REDIS_SECRET_ARN")
    monkeypatch.setenv("EVENT_BUS_NAME", "nobody-made-it")
    note = DozeNote(redis_server.url)
    account_id = Rows(wired.database).account()

    def mail() -> None:
        with wired.database.write() as work:
            work.send(SendEmail(message_id=uuid4()))

    def event() -> None:
        with wired.database.write() as work:
            work.emit(account_id, BatchCompleted(batch_id=uuid4(), counts={}))

    for leave_behind in (mail, event):
        note.leave(note.expect(), "idle", 60)
        leave_behind()
        assert note.read() is None
