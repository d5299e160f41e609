"""What the adapter makes of what a network does: real sockets, and a server that answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3
import pytest

from shared.adapters import sns
from shared.adapters.sns import Sns
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable, Throttled, TwolaneError

PHONE = "+4915112345678"
TAKEN = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId>'
    "</PublishResult></PublishResponse>"
)

Answer = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials, and patience for a fraction of a second."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(sns, "SECONDS", 0.5)
    # A session remembers credentials.
    boto3.setup_default_session()
    yield
    boto3.setup_default_session()


@contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Read each request, then do `answer` with its connection; gives the URL and the requests that came."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                requests.append(connection.recv(65536))
                answer(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def says(status: str, body: str, headers: str = "") -> Answer:
    """Answer so."""

    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        connection.sendall((head + body).encode())

    return answer


def error(code: str) -> str:
    """An error in SNS' XML."""
    return f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"


def hangs(connection: socket.socket) -> None:
    """Say nothing until the other side leaves."""
    while connection.recv(65536):
        pass


def hangs_up(connection: socket.socket) -> None:
    """Close without a word."""
    connection.shutdown(socket.SHUT_RDWR)


def stops_half_way(connection: socket.socket) -> None:
    """Promise more than comes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<PublishRe")


def test_what_is_taken_has_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(says("200 OK", TAKEN)) as (url, requests):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert Sns("Twolane").send(PHONE, "hello") == "m-1"
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (hangs, OutcomeUnknown),
        (hangs_up, OutcomeUnknown),
        (stops_half_way, OutcomeUnknown),
        (says("200 OK", "<html>a proxy's greeting"), OutcomeUnknown),
        (says("500 Internal Server Error", error("InternalError")), ProviderUnavailable),
        (says("503 Service Unavailable", ""), ProviderUnavailable),
        (says("429 Too Many Requests", error("Throttled"), "Retry-After: 7\r\n"), Throttled),
        (says("400 Bad Request", error("Throttling")), Throttled),
        (says("400 Bad Request", error("InvalidParameter")), ProviderRefused),
        (says("400 Bad Request", error("ParameterValueInvalid")), ProviderRefused),
        (says("400 Bad Request", error("OptedOut")), ProviderRefused),
        (says("403 Forbidden", error("AuthorizationError")), ProviderUnavailable),
        (says("403 Forbidden", error("InvalidClientTokenId")), ProviderUnavailable),
        (says("404 Not Found", error("NotFound")), ProviderUnavailable),
        (says("400 Bad Request", error("KMSDisabled")), ProviderUnavailable),
        (says("502 Bad Gateway", ""), OutcomeUnknown),
        (says("504 Gateway Timeout", "<html>"), OutcomeUnknown),
    ],
)
def test_each_failure_says_whether_it_may_have_been_sent(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, expected: type[TwolaneError]
) -> None:
    with server(answer) as (url, requests):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(TwolaneError) as failed:
            Sns().send(PHONE, "hello")
    assert type(failed.value) is expected
    # Asked once: who calls decides about more.
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says("403 Forbidden", error("AuthorizationError")), ProviderUnavailable),
        (says("502 Bad Gateway", ""), ProviderUnavailable),
        (hangs_up, ProviderUnavailable),
        (says("400 Bad Request", error("InvalidParameter")), ProviderRefused),
        (says("400 Bad Request", error("Throttling")), Throttled),
    ],
)
def test_a_question_that_fails_burns_no_message(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, expected: type[TwolaneError]
) -> None:
    with server(answer) as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(TwolaneError) as failed:
            Sns().opted_out(PHONE)
    assert type(failed.value) is expected


def test_where_nobody_listens_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(ProviderUnavailable):
            Sns().send(PHONE, "hello")


def test_without_credentials_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with server(says("200 OK", TAKEN)) as (url, requests):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(ProviderUnavailable):
            Sns().send(PHONE, "hello")
    assert requests == []
