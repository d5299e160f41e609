"""Connections that have died meanwhile, and answers that break: what must not be sent twice, and what may."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from shared.adapters import aws
from shared.adapters.bus import Bus
from shared.adapters.queues import Queues
from shared.adapters.ses import Ses
from shared.adapters.sns import Sns
from shared.db.unit_of_work import Message
from shared.errors import OutcomeUnknown, ProviderUnavailable
from shared.models import EventRow, utcnow
from tests.support.certificates import Authority
from tests.support.object_store import CREDENTIALS
from tests.support.stale import BreaksTls, Forgetful, served

MAIL_TAKEN = json.dumps({"MessageId": "m-1"})
TEXT_TAKEN = "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials of nobody."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    # A session remembers credentials.
    boto3.setup_default_session()
    yield
    boto3.setup_default_session()


@contextmanager
def aws_at(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[[socket.socket], None], scheme: str = "http"
) -> Iterator[str]:
    """AWS is here."""
    with served(serve) as port:
        url = f"{scheme}://127.0.0.1:{port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield url


def sends_mail() -> Callable[[], str]:
    ses = Ses()
    return lambda: ses.send("no-reply@twolane.example", "ada@example.com", b"Subject: Hello\r\n\r\nHello\r\n")


def sends_text() -> Callable[[], str]:
    sns = Sns()
    return lambda: sns.send("+4915112345678", "hello")


def hangs_up(connection: socket.socket) -> None:
    """Not a word."""
    connection.recv(1)


PROVIDERS = pytest.mark.parametrize(
    ("make", "said"),
    [(sends_mail, (MAIL_TAKEN, "application/json")), (sends_text, (TEXT_TAKEN, "text/xml"))],
    ids=["ses", "sns"],
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock of connections; the first item is what it shows."""
    shown = [1_000_000.0]
    monkeypatch.setattr("shared.adapters.aws.time.time", lambda: shown[0])
    return shown


@PROVIDERS
@pytest.mark.parametrize("pause", [350.0, aws.IDLE_SECONDS, -60.0], ids=["NAT", "just idle", "clock set back"])
def test_after_a_pause_nothing_is_sent_over_the_old_connection(
    monkeypatch: pytest.MonkeyPatch,
    clock: list[float],
    make: Callable[[], Callable[[], str]],
    said: tuple[str, str],
    pause: float,
) -> None:
    server = Forgetful(*said)
    with aws_at(monkeypatch, server):
        send = make()
        assert send() == "m-1"
        clock[0] += pause
        assert send() == "m-1"
    assert server.reset == 0


def test_without_a_pause_the_connection_serves_again_and_its_loss_leaves_it_open(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    server = Forgetful(MAIL_TAKEN, "application/json")
    with aws_at(monkeypatch, server):
        send = sends_mail()
        send()
        clock[0] += aws.IDLE_SECONDS / 2
        with pytest.raises(OutcomeUnknown):
            send()
    assert (server.answered, server.reset) == (1, 1)


def test_messages_of_the_first_publication_after_a_pause_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (
        Message(uuid4(), uuid4(), "email.send", "email", {}, priority=5, available_at=utcnow()) for _ in range(2)
    )
    taken = [{"Id": str(message.task_id), "MessageId": "m", "MD5OfMessageBody": ""} for message in (one, other)]
    server = Forgetful(json.dumps({"Successful": taken}), "application/x-amz-json-1.0")
    with aws_at(monkeypatch, server) as url:
        queues = Queues({"email": f"{url}/1/email"})
        queues.publish([one])
        assert other.task_id in queues.publish([other])
        queues.send_body("email", "{}")
    assert server.reset == 2


def test_events_of_the_first_publication_after_a_pause_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Forgetful(json.dumps({"Entries": [{"EventId": "e"}]}), "application/x-amz-json-1.1")
    given = {"account_id": uuid4(), "type": "document.completed", "version": 1, "subject": uuid4(), "data": {}}
    one, other = (EventRow(id=uuid4(), occurred_at=utcnow(), **given) for _ in range(2))
    with aws_at(monkeypatch, server):
        bus = Bus("twolane")
        bus.publish([one])
        assert bus.publish([other]) == [other.id]
    assert server.reset == 1


@pytest.mark.parametrize("make", [sends_mail, sends_text])
def test_tls_that_breaks_with_the_answer_leaves_it_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: Callable[[], Callable[[], str]]
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.written()))
    server = BreaksTls(authority.serving("127.0.0.1"))
    with aws_at(monkeypatch, server, "https"), pytest.raises(OutcomeUnknown):
        make()()
    assert server.read.is_set()


@pytest.mark.parametrize("make", [sends_mail, sends_text])
@pytest.mark.parametrize("fault", ["certificate", "no TLS", "hangs up"])
def test_tls_that_is_not_agreed_upon_means_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make: Callable[[], Callable[[], str]], fault: str
) -> None:
    def no_tls(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(65536)

    # Nobody trusts this authority.
    untrusted = BreaksTls(Authority(tmp_path).serving("127.0.0.1"))
    servers: dict[str, Callable[[socket.socket], None]]
    servers = {"certificate": untrusted, "no TLS": no_tls, "hangs up": hangs_up}
    serve = servers[fault]
    with aws_at(monkeypatch, serve, "https"), pytest.raises(ProviderUnavailable):
        make()()


def test_a_failure_that_is_being_handled_meanwhile_says_nothing_about_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.written()))
    try:
        with aws_at(monkeypatch, hangs_up, "https"):
            sends_mail()()
    except ProviderUnavailable:
        server = BreaksTls(authority.serving("127.0.0.1"))
        with aws_at(monkeypatch, server, "https"), pytest.raises(OutcomeUnknown):
            sends_mail()()
