"""Mails as bytes: what was put in comes out at the other end, and nothing else."""

from __future__ import annotations

import tracemalloc
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidHeader, MessageTooLarge
from shared.services.mail.mime import SIZE_LIMIT, Attachment, Mail, build, check_size, encoded_size

MESSAGE_ID = UUID("0195b2e0-0000-7000-8000-000000000001")
OURS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
ANY_TEXT = st.text(st.characters(codec=None), max_size=120)
HOSTILE = st.sampled_from(
    [
        "Hi\r\nBcc: eve@example.com",
        "Hi\n\n<script>",
        "Hi\u2028Bcc: eve@example.com",
        "=?utf-8?q?Hi=0D=0ABcc:_eve@example.com?=",
        "=?utf-8?b?SGk=?= =?utf-8?b?SGk=?=",
        " leading and trailing ",
        "two  spaces",
        'quote " and \\ backslash',
        "a;b=c; filename=evil.exe",
        "x" * 300,
        "ü" * 300,
        "%0d%0aBcc: eve@example.com",
        "../../etc/passwd",
        "utf-8''name",
        "",
        " ",
    ]
)


def mail(**changed: Any) -> Mail:
    """A mail that lacks nothing."""
    given = {
        "message_id": MESSAGE_ID,
        "sender": "Twolane <no-reply@twolane.example>",
        "to": "ada@example.com",
        "subject": "Hello",
        "text": "Hello Ada",
    }
    return Mail(**{**given, **changed})


def parsed(raw: bytes) -> EmailMessage:
    """As a mail program reads it."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    """The text of one of its bodies."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_mail_has_its_headers_and_both_bodies() -> None:
    read = parsed(build(mail(subject="Grüße", text="Schöne Grüße\n", html="<p>Schöne Grüße</p>\n")))

    assert set(read.keys()) == OURS
    assert read["From"] == "Twolane <no-reply@twolane.example>"
    assert read["To"] == "ada@example.com"
    assert read["Subject"] == "Grüße"
    assert read["Message-ID"] == f"<{MESSAGE_ID}@twolane.example>"
    assert read["Date"].datetime.tzinfo is not None
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content_type() == "multipart/alternative"
    assert body(read, "plain") == "Schöne Grüße\n"
    assert body(read, "html") == "<p>Schöne Grüße</p>\n"


def test_a_mail_of_text_alone_has_one_part() -> None:
    read = parsed(build(mail(automatic=False)))

    assert read.get_content_type() == "text/plain"
    assert "Auto-Submitted" not in read


def test_bulk_can_be_unsubscribed_from_with_one_click() -> None:
    url = f"https://twolane.example/unsubscribe?address=ada%40example.com&token={'a' * 200}"

    raw = build(mail(unsubscribe_url=url))

    # As it is: whoever offers the one click need not know encoded words.
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in raw
    read = parsed(raw)
    assert read["List-Unsubscribe"] == f"<{url}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_attachments_arrive_as_they_left() -> None:
    files = [
        Attachment("scan.pdf", "application/pdf", bytes(range(256)) * 100),
        Attachment("leer.txt", "text/plain", b""),
        Attachment("Übersicht 2026 - 東京.csv", "text/csv; charset=utf-8", b"a,b\r\n" * 20),
    ]

    read = parsed(build(mail(html="<p>Hello</p>", attachments=files)))

    found = list(read.iter_attachments())
    assert read.get_content_type() == "multipart/mixed"
    assert [part.get_filename() for part in found] == [file.filename for file in files]
    assert [part.get_payload(decode=True) for part in found] == [file.body for file in files]
    assert [part.get_content_type() for part in found] == ["application/pdf", "text/plain", "application/octet-stream"]
    assert all(part.get_content_disposition() == "attachment" for part in found)
    assert body(read, "html") == "<p>Hello</p>\n"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "pdf",
        "message/rfc822",
        "multipart/mixed; boundary=x",
        "Multipart/Mixed",
        "text/html\r\nBcc: eve@example.com",
        "text/html; charset=utf-7",
        "text /html",
        "text/" + "x" * 200,
        "текст/plain",
    ],
)
def test_a_content_type_that_is_not_plainly_one_is_not_believed(content_type: str) -> None:
    read = parsed(build(mail(attachments=[Attachment("a.bin", content_type, b"abc")])))

    assert [part["Content-Type"] for part in read.iter_attachments()] == ["application/octet-stream"]


@settings(deadline=None, max_examples=300)
@given(subject=ANY_TEXT | HOSTILE, filename=ANY_TEXT | HOSTILE, name=ANY_TEXT | HOSTILE, kind=ANY_TEXT | HOSTILE)
def test_whatever_is_written_no_header_is_added(subject: str, filename: str, name: str, kind: str) -> None:
    sender = f"{name} <no-reply@twolane.example>"
    written = mail(subject=subject, sender=sender, attachments=[Attachment(filename, kind, b"abc")])
    try:
        raw = build(written)
    except InvalidHeader:
        return

    read = parsed(raw)
    assert set(read.keys()) == OURS
    assert len(read.keys()) == len(OURS)
    assert read["Subject"] == subject
    assert [address.addr_spec for address in read["From"].addresses] == ["no-reply@twolane.example"]
    (file,) = read.iter_attachments()
    assert set(file.keys()) == {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}
    assert file["Content-Disposition"].params["filename"] == filename
    assert file.get_payload(decode=True) == b"abc"


@pytest.mark.parametrize("part", ["subject", "sender", "to", "unsubscribe_url"])
def test_a_line_break_in_a_header_is_refused(part: str) -> None:
    with pytest.raises(InvalidHeader):
        build(mail(**{part: "a@b.example\r\nBcc: eve@example.com"}))


@pytest.mark.parametrize(
    "sender", ["", "Twolane", "Twolane <>", "Twolane <no-reply>", "a@b.example>x", "<a@b.example> <c@d.example>"]
)
def test_a_sender_without_an_address_is_refused(sender: str) -> None:
    with pytest.raises(InvalidHeader, match="MAIL_FROM"):
        build(mail(sender=sender))


def test_the_name_of_a_sender_may_be_of_any_language() -> None:
    read = parsed(build(mail(sender='Ünal "Ü" & Töchter GmbH <no-reply@twolane.example>')))

    (address,) = read["From"].addresses
    assert address.addr_spec == "no-reply@twolane.example"
    assert address.display_name == 'Ünal "Ü" & Töchter GmbH'


# No carriage returns: mail has one kind of line end, and does not keep others.
BODY = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=2000)


@settings(deadline=None, max_examples=200)
@given(text=BODY, html=st.none() | BODY, sizes=st.lists(st.integers(0, 5000), max_size=4))
def test_a_mail_is_never_larger_than_was_reckoned(text: str, html: str | None, sizes: list[int]) -> None:
    files = [Attachment(f"{'🎉' * 250}.{number}", "a/b", bytes(size)) for number, size in enumerate(sizes)]

    raw = build(mail(text=text, html=html, attachments=files))

    assert len(raw) <= encoded_size(sizes, text, html)
    read = parsed(raw)
    assert body(read, "plain").rstrip("\n") == text.rstrip("\n")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_reckoning_knows_the_longest_names_of_files() -> None:
    files = [Attachment("🎉" * 255, f"{'a' * 64}/{'b' * 127}", b"x") for _ in range(20)]

    assert len(build(mail(attachments=files))) <= encoded_size([1] * 20, "Hello Ada")


def test_the_reckoning_knows_the_longest_headers() -> None:
    url = "https://twolane.example/" + "x" * 950
    sender = f"{'Ü' * 150} <{'x' * 64}@{'example.' * 29}com>"

    raw = build(mail(subject="🎉" * 998, sender=sender, text="", unsubscribe_url=url, to=f"{'x' * 64}@example.com"))

    assert len(raw) <= encoded_size([], "")
    assert len(raw) > encoded_size([], "") / 2
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "text",
    [
        "x" * 200_000,
        "ü" * 100_000,
        "ein für allemal " * 10_000,
        "line\n" * 40_000,
        " \n" * 50_000,
        "東京" * 50_000,
        "abcdefgh=" * 60_000,
        "=" * 99,
    ],
)
def test_the_reckoning_is_close(text: str) -> None:
    raw = build(mail(text=text, attachments=[Attachment("a.bin", "a/b", bytes(3_000_000))]))

    assert len(raw) <= encoded_size([3_000_000], text) <= len(raw) * 1.02


def test_what_ses_does_not_take_is_refused_before_anything_is_read() -> None:
    check_size([29_000_000], "Hello")
    with pytest.raises(MessageTooLarge, match=r"41\.\d MB once it is encoded, and mail carries 40 MB"):
        check_size([30_000_000], "Hello")
    with pytest.raises(MessageTooLarge):
        check_size([15_000_000, 15_000_000], "Hello")


def test_what_is_too_large_is_not_built() -> None:
    with pytest.raises(MessageTooLarge):
        build(mail(attachments=[Attachment("a.bin", "a/b", bytes(30_000_000))]))


def test_a_large_attachment_is_held_little_more_than_once_while_it_is_encoded() -> None:
    file = Attachment("a.bin", "application/pdf", bytes(20_000_000))
    tracemalloc.start()
    try:
        raw = build(mail(html="<p>Hello</p>", attachments=[file]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(raw) < SIZE_LIMIT
    assert peak < 2.5 * len(raw)
