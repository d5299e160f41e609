"""A mail server that delivers nothing: it keeps every mail of the local stack as a file, for a person to read."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

from infra.local.checks import HOST

SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of one mail: more than SES takes, so that it is our own limit that is met."""

SHOWN = 100


class Mailbox:
    """A folder of mails; a file appears when it is complete, and names sort by the time they came.

    Args:
        folder: of the files; it is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tidy(self) -> None:
        """Remove what an earlier process had not finished when it was killed."""
        for left in self._folder.glob(".*.unfinished"):
            left.unlink(missing_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name for it
        """Keep one mail and answer the client that brought it."""
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  # for the type checker: the server was not asked to decode
        try:
            name = self._keep(content)
        except OSError as error:
            _log("error", "a mail could not be kept", error=str(error))
            return "452 4.3.1 The mail could not be kept; see the log"
        _log("info", "mail", to=", ".join(envelope.rcpt_tos), subject=_subject(content), file=name)
        return "250 2.0.0 Kept"

    def _keep(self, content: bytes) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{uuid4().hex[:8]}.eml"
        unfinished = self._folder / f".{name}.unfinished"
        try:
            unfinished.write_bytes(content)
            unfinished.replace(self._folder / name)
        finally:
            unfinished.unlink(missing_ok=True)
        return name


async def serve(port: int, folder: Path) -> None:
    """Take mail on the loopback address until asked to stop."""
    mailbox = Mailbox(folder)
    mailbox.tidy()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def connection() -> SMTP:
        return SMTP(mailbox, data_size_limit=SIZE_LIMIT, hostname="localhost", ident="Twolane", loop=loop)

    server = await loop.create_server(connection, HOST, port)
    await stop.wait()
    server.close()


def _subject(content: bytes) -> str:
    headers = BytesHeaderParser(policy=default).parsebytes(content)
    subject = "".join(character if character.isprintable() else " " for character in str(headers["Subject"] or ""))
    return subject if len(subject) <= SHOWN else f"{subject[:SHOWN]}..."


def _log(level: str, message: str, **fields: str) -> None:
    record = {"time": datetime.now(UTC).isoformat(), "level": level, "message": message, **fields}
    sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
