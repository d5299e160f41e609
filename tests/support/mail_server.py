"""A real SMTP server that fails when it is told to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"


class MailServer:
    """Takes mail and keeps it.

    Attributes:
        taken: sender, recipient and bytes of each mail, in order.
        says: what it answers to a command instead of taking it: `mail`, `rcpt`, `data` (once it has the mail).
        hangs_up: whether it ends the connection after it has read a mail, without an answer.
        logins: who presented a password.
        port: where it listens.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, bytes]] = []
        self.says: dict[str, str] = {}
        self.hangs_up = False
        self.logins: list[tuple[str, str]] = []
        self.port = 0

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender."""
        del server, session
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.says.get("mail", OK)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        del server, session, options
        envelope.rcpt_tos.append(address)
        return self.says.get("rcpt", OK)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # likewise
        """Take a mail."""
        del session
        if "data" not in self.says:
            assert isinstance(envelope.content, bytes)
            self.taken.append((str(envelope.mail_from), envelope.rcpt_tos[0], envelope.content))
        if self.hangs_up:
            transport: Any = server.transport
            transport.abort()
        return self.says.get("data", OK)

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: Any) -> AuthResult:
        """Let everybody in whose password is `secret`."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"secret", handled=True)


@contextmanager
def mail_server(*, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """Serve on a free port of this machine.

    Args:
        starttls: what it has for clients that ask for TLS.
        tls: what it has for clients that speak TLS from the start.
    """
    handler = MailServer()
    loop = asyncio.new_event_loop()
    # Both clients with a password and those without come here, with TLS and without.
    options: dict[str, Any] = {"tls_context": starttls, "authenticator": handler.authenticate, "loop": loop}

    def protocol() -> SMTP:
        return SMTP(handler, auth_require_tls=False, **options)

    listening = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=tls))
    handler.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield handler
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.run_until_complete(_ended(loop))
        loop.close()


async def _ended(loop: asyncio.AbstractEventLoop) -> None:
    """Let connections that clients have left end."""
    others = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
