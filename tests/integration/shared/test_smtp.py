"""Mail through a mail server: taken once, and of every failure it is known whether the mail may have left."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters import smtp
from shared.adapters.smtp import Smtp
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable, Throttled
from tests.support.certificates import Authority
from tests.support.mail_server import MailServer, mail_server

SENDER = "Twolane <no-reply@twolane.example>"
ADA = "ada@example.com"
RAW = b"Subject: Hello\r\n\r\n.A line that begins with a dot\r\n"


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    with mail_server() as server:
        yield server


def send(server: MailServer, login: str = "", scheme: str = "smtp") -> None:
    Smtp(f"{scheme}://{login}localhost:{server.port}").send(SENDER, ADA, RAW)


def test_a_mail_arrives_as_it_was_written(server: MailServer) -> None:
    send(server)
    assert server.taken == [("no-reply@twolane.example", ADA, RAW)]


@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
def test_what_is_refused_for_good_is_refused(server: MailServer, command: str) -> None:
    server.says[command] = "550 5.7.1 not here"
    with pytest.raises(ProviderRefused, match=r"550 5\.7\.1 not here"):
        send(server)
    assert server.taken == []


@pytest.mark.parametrize(
    ("command", "said"), [("mail", "451 later"), ("data", "452 disk full"), ("rcpt", "421 closing"), ("mail", "421 x")]
)
def test_a_server_that_cannot_now_is_asked_later(server: MailServer, command: str, said: str) -> None:
    server.says[command] = said
    with pytest.raises(ProviderUnavailable, match=said.split(maxsplit=1)[0]):
        send(server)
    assert server.taken == []


def test_an_address_that_is_not_taken_yet_is_no_fault_of_the_servers(server: MailServer) -> None:
    server.says["rcpt"] = "450 4.2.0 greylisted"
    with pytest.raises(Throttled, match="greylisted") as caught:
        send(server)
    assert caught.value.retry_after == 60


def test_a_server_that_hangs_up_after_it_has_the_mail_may_have_taken_it(server: MailServer) -> None:
    server.hangs_up = True
    with pytest.raises(OutcomeUnknown, match="may have taken"):
        send(server)
    assert len(server.taken) == 1


def scripted(*answers: bytes) -> int:
    """A server that says lines, one for each it is told, and then nothing; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with listener, connection, connection.makefile("rb") as told:
            for answer in answers:
                connection.sendall(answer)
                if not told.readline():
                    return
            told.read()

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def test_a_server_that_falls_silent_after_it_has_the_mail_may_have_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 0.2)
    port = scripted(b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")
    with pytest.raises(OutcomeUnknown):
        Smtp(f"smtp://127.0.0.1:{port}").send(SENDER, ADA, RAW)


@pytest.mark.parametrize("answers", [(), (b"220 hello\r\n",), (b"220 hello\r\n", b"250 hello\r\n")])
def test_a_server_that_falls_silent_before_it_has_the_mail_has_not_taken_it(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 0.2)
    with pytest.raises(ProviderUnavailable):
        Smtp(f"smtp://127.0.0.1:{scripted(*answers)}").send(SENDER, ADA, RAW)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", b"554 go away\r\n"])
def test_what_is_no_mail_server_has_not_taken_it(answer: bytes) -> None:
    with pytest.raises(ProviderUnavailable):
        Smtp(f"smtp://127.0.0.1:{scripted(answer)}").send(SENDER, ADA, RAW)


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ProviderUnavailable):
        Smtp(f"smtp://127.0.0.1:{port}").send(SENDER, ADA, RAW)


# --- TLS


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this process trusts."""
    made = Authority(tmp_path)
    context = made.trusting()
    monkeypatch.setattr(ssl, "create_default_context", lambda: context)
    return made


def test_a_password_goes_over_starttls(authority: Authority) -> None:
    with mail_server(starttls=authority.serving("localhost")) as server:
        send(server, "ada%40twolane:secret@")
    assert server.logins == [("ada@twolane", "secret")]
    assert len(server.taken) == 1


def test_a_connection_can_be_encrypted_from_the_start(authority: Authority) -> None:
    with mail_server(tls=authority.serving("localhost")) as server:
        send(server, "ada:secret@", "smtps")
    assert len(server.taken) == 1


def test_a_wrong_password_is_told_and_no_mail_is_lost(authority: Authority) -> None:
    with mail_server(starttls=authority.serving("localhost")) as server, pytest.raises(ProviderUnavailable):
        send(server, "ada:wrong@")
    assert server.taken == []


def test_a_certificate_nobody_trusts_gets_neither_password_nor_mail(tmp_path: Path) -> None:
    context = Authority(tmp_path).serving("localhost")
    with mail_server(starttls=context) as server, pytest.raises(ProviderUnavailable, match="certificate"):
        send(server, "ada:secret@")
    assert (server.logins, server.taken) == ([], [])


def test_a_password_is_not_sent_without_tls(server: MailServer) -> None:
    with pytest.raises(ProviderUnavailable, match="no TLS"):
        send(server, "ada:secret@")
    assert (server.logins, server.taken) == ([], [])


@pytest.mark.parametrize(("scheme", "port"), [("smtp", 587), ("smtps", 465)])
def test_without_a_port_mail_is_submitted_where_functions_may_connect_to(
    monkeypatch: pytest.MonkeyPatch, scheme: str, port: int
) -> None:
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ProviderUnavailable):
        Smtp(f"{scheme}://mail.example.com").send(SENDER, ADA, RAW)
    assert asked == [("mail.example.com", port)]
