"""A mail as the bytes that travel."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from io import BytesIO
from secrets import token_hex
from uuid import UUID

from shared.errors import InvalidHeader, MessageTooLarge
from shared.services.mail.addresses import check_header
from shared.services.mail.headers import POLICY, sender_parts

SIZE_LIMIT = 40_000_000
"""Bytes of an encoded message: what SES takes by its v2 API ("40 MB per message, after base64 encoding"; whether its
megabytes are of 1,000 or 1,024 is not said). https://docs.aws.amazon.com/ses/latest/dg/quotas.html"""

FILENAME_LIMIT = 255
"""Characters of an attachment's name: as many as file systems take."""

# Of base64 with its line breaks.
_BASE64_GROWTH = 78 / 57
_BASE64_LINE = 76
_BASE64_SOURCE = 57
# Bytes of headers: a subject of 998 characters that all need four bytes, a sender, an unsubscribe link; a part's; those
# of a part whose file name has 255 such characters.
_OVERHEAD = 12_000
_PART_OVERHEAD = 500
_ATTACHMENT_OVERHEAD = 5_000
_PRINTABLE = bytes(range(0x20, 0x7F)).replace(b"=", b"") + b"\t\r\n"
_SPACE_AT_END = re.compile(rb"[ \t](?=[\r\n]|\Z)")
_TOKEN = re.compile(r"[!-~]+")
# RFC 6838, 4.2.
_MEDIA_TYPE = re.compile(r"([a-z0-9][a-z0-9!#$&^_.+-]{0,63})/([a-z0-9][a-z0-9!#$&^_.+-]{0,126})")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along.

    Attributes:
        filename: what it is called at the other end.
        content_type: as whoever attached it says; if that is no media type, or one that would be a mail itself,
            it goes as `application/octet-stream`.
        body: its bytes.
    """

    filename: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient.

    Attributes:
        message_id: of the row; `Message-ID` is made of it, so that a mail can be told from its copy.
        sender: `Name <address>` or an address.
        to: an address, as `mail_address` returned it.
        subject: one line.
        text: the mail for who reads plain text.
        html: the same as HTML.
        attachments: in order.
        unsubscribe_url: where one click ends mail of this kind, for bulk (RFC 8058).
        automatic: no person wrote it: nobody's out-of-office note should answer (RFC 3834).
    """

    message_id: UUID
    sender: str
    to: str
    subject: str
    text: str
    html: str | None = None
    attachments: Sequence[Attachment] = ()
    unsubscribe_url: str | None = None
    automatic: bool = True


def build(message: Mail) -> bytes:
    """Encode a mail: lines end in CRLF, are ASCII and at most 998 characters long, as SES wants them.

    Raises:
        InvalidHeader: the subject, the sender or a file name has line breaks or control characters.
        MessageTooLarge: more than SES takes.
    """
    check_size([len(attachment.body) for attachment in message.attachments], message.text, message.html)
    mail = EmailMessage(policy=POLICY)
    for name, value in _headers(message):
        mail[name] = value
    _add_text(mail, message.text)
    if message.html is not None:
        _add_html(mail, message.html)
    bodies = {_attach(mail, attachment): attachment.body for attachment in message.attachments}
    return _filled(mail.as_bytes(), bodies)


def encoded_size(attachments: Iterable[int], text: str, html: str | None = None) -> int:
    """How many bytes a mail has at most once it is encoded, before any attachment is read.

    Args:
        attachments: the bytes of each.
        text: as in `Mail`.
        html: as in `Mail`.
    """
    files = sum(_base64_size(size) + _ATTACHMENT_OVERHEAD for size in attachments)
    return _OVERHEAD + _text_size(text) + _text_size(html or "") + files


def check_size(attachments: Iterable[int], text: str, html: str | None = None) -> None:
    """Refuse a mail that SES would not take.

    Args:
        attachments: the bytes of each.
        text: as in `Mail`.
        html: as in `Mail`.

    Raises:
        MessageTooLarge: as it says.
    """
    size = encoded_size(attachments, text, html)
    if size > SIZE_LIMIT:
        raise MessageTooLarge(
            f"The mail would have {size / 1e6:.1f} MB once it is encoded, and mail carries {SIZE_LIMIT / 1e6:.0f} MB; "
            f"attach at most about {SIZE_LIMIT / _BASE64_GROWTH / 1e6:.0f} MB, or send a link."
        )


# --- what a mail has


def _headers(message: Mail) -> Iterator[tuple[str, str]]:
    sender, domain = sender_parts(message.sender)
    yield "From", sender
    yield "To", _token(message.to, "the recipient")
    yield "Subject", check_header(message.subject, "the subject")
    yield "Date", format_datetime(datetime.now(UTC))
    yield "Message-ID", f"<{message.message_id}@{domain}>"
    if message.automatic:
        yield "Auto-Submitted", "auto-generated"
    if message.unsubscribe_url is not None:
        yield "List-Unsubscribe", f"<{_token(message.unsubscribe_url, 'the unsubscribe link')}>"
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _token(text: str, what: str) -> str:
    """Text that stands in a header as it is: printable ASCII that closes no bracket and begins no list."""
    if _TOKEN.fullmatch(check_header(text, what)):
        return text
    raise InvalidHeader(f"A header cannot hold {what} as it is; write it in ASCII, without spaces.")


def _text_size(text: str) -> int:
    """Of a text part: each escaped byte takes three; a line of 76 holds at least 73 and its break three more."""
    body = text.encode("utf-8", "replace")
    lines = len(body.splitlines()) + 1
    if _cte(body) == "base64":
        return _PART_OVERHEAD + _base64_size(len(body) + lines)
    size = len(body) + 2 * _escaped(body) + lines
    return _PART_OVERHEAD + size + 3 * (size // 73 + 1)


def _cte(body: bytes) -> str:
    """The shorter of the two encodings: quoted-printable triples what it escapes, base64 adds a third to all."""
    return "quoted-printable" if 6 * _escaped(body) <= len(body) else "base64"


def _escaped(body: bytes) -> int:
    """How many bytes quoted-printable escapes; white space at the end of a line, too, is."""
    return len(body.translate(None, _PRINTABLE)) + len(_SPACE_AT_END.findall(body))


def _base64_size(size: int) -> int:
    """In lines of 76 characters, the breaks included."""
    characters = (size + 2) // 3 * 4
    return characters + 2 * (characters // _BASE64_LINE + 1)


def _add_text(mail: EmailMessage, text: str) -> None:
    body = text.encode("utf-8", "replace")
    mail.set_content(body.decode(), cte=_cte(body))


def _add_html(mail: EmailMessage, html: str) -> None:
    body = html.encode("utf-8", "replace")
    mail.add_alternative(body.decode(), subtype="html", cte=_cte(body))


def _attach(mail: EmailMessage, attachment: Attachment) -> bytes:
    """Attach a file whose body is a mark that nobody can have guessed.

    The library would hold a file in eight copies while it encodes it; the marks are replaced where the mail is one.
    """
    mark = f"@{token_hex(16)}@"
    maintype, subtype = _media_type(attachment.content_type)
    filename = check_header(attachment.filename, "the name of an attachment")
    if not 0 < len(filename) <= FILENAME_LIMIT:
        raise InvalidHeader(
            f"The name of an attachment has 1 to {FILENAME_LIMIT} characters; this one has {len(filename)}."
        )
    part = EmailMessage(policy=POLICY)
    part["Content-Type"] = f"{maintype}/{subtype}"
    part["Content-Transfer-Encoding"] = "base64"
    part["Content-Disposition"] = filename
    part.set_payload(mark)
    if mail.get_content_type() != "multipart/mixed":
        mail.make_mixed()
    mail.attach(part)
    return mark.encode()


def _media_type(text: str) -> tuple[str, str]:
    """Of what a file is said to be; never one that a reader would take apart as part of the mail (RFC 2045, 6.4)."""
    found = _MEDIA_TYPE.fullmatch(text.lower())
    if found is None or found[1] in {"multipart", "message"}:
        return "application", "octet-stream"
    return found[1], found[2]


def _filled(mail: bytes, bodies: Mapping[bytes, bytes]) -> bytes:
    """The mail with each mark replaced by the file it stands for, copied once."""
    encoded = BytesIO()
    rest = mail
    for mark, body in bodies.items():
        before, _, rest = rest.partition(mark)
        encoded.write(before)
        for start in range(0, len(body), _BASE64_SOURCE):
            encoded.write(binascii.b2a_base64(body[start : start + _BASE64_SOURCE], newline=False))
            encoded.write(b"\r\n")
        # The line that the mark stood on ends with it.
        rest = rest.removeprefix(b"\r\n") if body else rest
    encoded.write(rest)
    return encoded.getvalue()
