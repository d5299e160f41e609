"""The mails that the local stack kept, as a person reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.local.layout import Layout

HEADERS = ("From", "To", "Subject", "Date", "List-Unsubscribe")


@dataclass(frozen=True)
class KeptMail:
    """One file; it is read when something of it is asked for."""

    file: Path

    @property
    def id(self) -> str:
        """The end of its name, which no other mail shares."""
        return self.file.stem.rpartition("-")[2]

    @property
    def time(self) -> datetime:
        """When it came."""
        try:
            return datetime.strptime(self.file.stem.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        except ValueError:
            return datetime.fromtimestamp(self.file.stat().st_mtime, UTC)

    @property
    def to(self) -> str:
        """Who it is for."""
        return _clean(str(self._message["To"] or ""))

    @property
    def subject(self) -> str:
        """Its subject."""
        return _clean(str(self._message["Subject"] or ""))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Those that say something to a person."""
        return [(name, _clean(str(self._message[name]))) for name in HEADERS if self._message[name] is not None]

    @property
    def attachments(self) -> list[str]:
        """Their names."""
        return [_clean(part.get_filename() or "?") for part in self._message.iter_attachments()]

    @property
    def text(self) -> str:
        """What it says to who reads plain text."""
        return _clean(self._body("plain") or "", "\n\t")

    @property
    def html(self) -> str | None:
        """What it says as HTML."""
        return self._body("html")

    def as_json(self) -> dict[str, Any]:
        """What a list says of it."""
        return {
            "id": self.id,
            "time": self.time.isoformat(),
            "to": self.to,
            "subject": self.subject,
            "attachments": self.attachments,
            "file": str(self.file),
        }

    @cached_property
    def _message(self) -> EmailMessage:
        return message_from_bytes(self.file.read_bytes(), policy=default)

    def _body(self, kind: str) -> str | None:
        part = self._message.get_body((kind,))
        return None if part is None else str(part.get_content()).replace("\r\n", "\n")


def kept_mails(data_dir: Path) -> list[KeptMail]:
    """All of them, the newest first."""
    return [KeptMail(file) for file in sorted(Layout(data_dir).mail.glob("*.eml"), reverse=True)]


def find(data_dir: Path, mail_id: str | None) -> KeptMail | None:
    """The mail with that id or file name, or the newest; None if there is none."""
    named = (mail for mail in kept_mails(data_dir) if mail_id in {None, mail.id, mail.file.stem, mail.file.name})
    return next(named, None)


def _clean(text: str, kept: str = "") -> str:
    """Without what a terminal would obey."""
    return "".join(character for character in text if character.isprintable() or character in kept)
