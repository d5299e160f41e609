"""The local mailbox: what is handed to it lies there whole, and nothing else does."""

from __future__ import annotations

import json
import os
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from infra.local.mailbox import SIZE_LIMIT
from shared.services.mail.mime import Attachment, Mail, build
from tests.support.programs import free_port
from tests.support.waiting import at_once, wait_until


@dataclass(frozen=True)
class Mailbox:
    """One that runs."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    log: Path

    @property
    def files(self) -> list[Path]:
        """All that lies in the folder, by name."""
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []

    @property
    def said(self) -> list[dict[str, str]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def client(self) -> smtplib.SMTP:
        """A connection to it."""
        return smtplib.SMTP("127.0.0.1", self.port, timeout=30)

    def send(self, raw: bytes, to: str = "ada@example.com") -> None:
        """Hand a mail over."""
        with self.client() as client:
            client.sendmail("no-reply@twolane.example", [to], raw)

    def answers(self) -> bool:
        """Whether it listens; it must not have ended."""
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    """A mailbox in a process of its own, where an earlier one was killed in the middle of a mail."""
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / ".20260504T093000.000000Z-aaaaaaaa.eml.unfinished").write_bytes(b"Subject: Ha")
    port, log = free_port(), tmp_path / "mail.log"
    command = [sys.executable, "-m", "infra.local.mailbox", str(port), str(tmp_path / "mail")]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, text=True) as process:
        try:
            running = Mailbox(process, port, tmp_path / "mail", log)
            wait_until(running.answers, 15, "the mailbox to listen")
            yield running
        finally:
            process.kill()


def mail(subject: str = "Hello", size: int = 0) -> bytes:
    """A mail of ours."""
    files = [Attachment("scan.pdf", "application/pdf", os.urandom(size))] if size else []
    sender, text = "Twolane <no-reply@twolane.example>", ".\n..\nGrüße\n"
    return build(Mail(uuid4(), sender, "ada@example.com", subject, text, "<p>Grüße</p>", files))


def test_a_mail_lies_there_as_it_was_sent_and_the_log_says_so(mailbox: Mailbox) -> None:
    raw = mail("Grüße \x41 an alle", size=100_000)

    mailbox.send(raw)

    (file,) = mailbox.files
    assert file.read_bytes() == raw
    assert file.suffix == ".eml"
    (line,) = mailbox.said
    assert line["level"] == "info"
    assert line["to"] == "ada@example.com"
    assert line["subject"] == "Grüße A an alle"
    assert line["file"] == file.name


def test_names_sort_by_time(mailbox: Mailbox) -> None:
    subjects = [f"Mail {number}" for number in range(12)]

    for subject in subjects:
        mailbox.send(mail(subject))

    assert [message_from_bytes(file.read_bytes(), policy=default)["Subject"] for file in mailbox.files] == subjects


def test_mails_that_come_at_once_all_lie_there(mailbox: Mailbox) -> None:
    mails = {mail(f"Mail {number}", size=50_000) for number in range(20)}

    at_once([lambda raw=raw: mailbox.send(raw) for raw in mails])  # type: ignore[misc]  # a default binds it

    assert {file.read_bytes() for file in mailbox.files} == mails


def test_what_ses_would_take_is_taken(mailbox: Mailbox) -> None:
    raw = mail(size=29_000_000)

    mailbox.send(raw)

    (file,) = mailbox.files
    assert file.stat().st_size == len(raw)


def test_what_is_larger_is_refused_and_leaves_nothing(mailbox: Mailbox) -> None:
    with mailbox.client() as client:
        client.ehlo()
        code, _ = client.mail("no-reply@twolane.example", [f"size={SIZE_LIMIT + 1}"])
        assert code == 552
    with mailbox.client() as client:
        client.ehlo()
        client.mail("no-reply@twolane.example")
        client.rcpt("ada@example.com")
        code, _ = client.data(f"{'x' * 998}\r\n" * (SIZE_LIMIT // 1000 + 1))
        assert code == 552

    assert mailbox.files == []


def test_half_a_mail_is_none(mailbox: Mailbox) -> None:
    client = mailbox.client()
    client.ehlo()
    client.mail("no-reply@twolane.example")
    client.rcpt("ada@example.com")
    assert client.docmd("DATA")[0] == 354
    client.send(mail(size=500_000))

    assert mailbox.files == []
    client.close()
    mailbox.send(mail("After it"))

    (file,) = mailbox.files
    assert b"Subject: After it" in file.read_bytes()


def test_a_mail_that_cannot_be_kept_is_to_be_sent_again(mailbox: Mailbox) -> None:
    mailbox.folder.rmdir()
    mailbox.folder.write_text("in the way")

    with pytest.raises(smtplib.SMTPDataError) as refused:
        mailbox.send(mail())

    assert refused.value.smtp_code == 452
    assert [line["level"] for line in mailbox.said] == ["error"]
    mailbox.folder.unlink()
    mailbox.send(mail())
    assert len(mailbox.files) == 1


def test_what_the_disk_does_not_hold_whole_is_not_there_at_all(mailbox: Mailbox) -> None:
    psutil.Process(mailbox.process.pid).rlimit(psutil.RLIMIT_FSIZE, (100_000, 100_000))

    with pytest.raises(smtplib.SMTPDataError) as refused:
        mailbox.send(mail(size=200_000))

    assert refused.value.smtp_code == 452
    assert mailbox.files == []
    mailbox.send(mail())
    assert len(mailbox.files) == 1


def test_a_subject_that_is_no_text_is_shown_without_what_a_terminal_would_obey(mailbox: Mailbox) -> None:
    mailbox.send(b"Subject: =?utf-8?q?a=1B[2J=0Ab?= \xff\r\n\r\nHi\r\n")

    (line,) = mailbox.said
    assert line["subject"].startswith("a [2J b")
    assert line["subject"].isprintable()


def test_it_listens_on_this_machine_alone(mailbox: Mailbox) -> None:
    listening = [one for one in psutil.Process(mailbox.process.pid).net_connections("inet") if one.status == "LISTEN"]

    assert [tuple(one.laddr) for one in listening] == [("127.0.0.1", mailbox.port)]


def test_it_ends_at_once_when_asked_though_somebody_is_connected(mailbox: Mailbox) -> None:
    with socket.create_connection(("127.0.0.1", mailbox.port)) as client:
        assert client.recv(100).startswith(b"220")
        mailbox.process.terminate()

        assert mailbox.process.wait(5) == 0

    assert mailbox.log.read_text() == ""
