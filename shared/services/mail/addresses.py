"""Who can be written to, and which text a header can hold."""

from __future__ import annotations

import re
import unicodedata

from shared.errors import InvalidAddress, InvalidHeader

ADDRESS_LIMIT = 320
"""Characters of a mail address, as its column takes them; RFC 5321 (4.5.3.1) allows fewer, which is checked too."""

HEADER_LIMIT = 998
"""Characters of what one header says: the longest line of a mail (RFC 5322, 2.1.1)."""

# ITU-T E.164: a plus, a country code that starts with no zero, 15 digits at most. Nobody's number has fewer than 8.
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
# Control characters, halves of surrogate pairs, and what Unicode calls line and paragraph separators.
_NOT_IN_HEADERS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_SHOWN = 80


def mail_address(text: str) -> str:
    """An address as it is sent to: its domain in lower case and ASCII (IDNA), what is before the @ unchanged.

    Nothing is looked up: whether the domain takes mail shows when mail is sent.

    Args:
        text: one address without a name, e.g. `grete@bücher.example`.

    Returns:
        e.g. `grete@xn--bcher-kva.example`.

    Raises:
        InvalidAddress: it is none, or SES cannot send to it (it takes ASCII alone before the @).
    """
    # Only who sends mail needs it: it brings a DNS library along.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    if len(text) > ADDRESS_LIMIT:
        raise InvalidAddress(f"A mail address has at most {ADDRESS_LIMIT} characters; this one has {len(text)}.")
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except (EmailNotValidError, UnicodeError) as error:
        raise InvalidAddress(f"{_shown(text)} is no mail address that can be sent to. {error}") from error
    return str(found.ascii_email)


def phone_number(text: str) -> str:
    """A phone number in E.164, as SNS takes it, e.g. `+4930901820`.

    Raises:
        InvalidAddress: it is written otherwise.
    """
    if not _E164.fullmatch(text):
        raise InvalidAddress(
            f"{_shown(text)} is no phone number in E.164; write a plus, the country code and the number, "
            "8 to 15 digits without spaces, e.g. +4930901820."
        )
    return text


def check_header(text: str, what: str) -> str:
    """Refuse what would end a header early, or that no header can hold.

    Args:
        text: of the header, not yet encoded.
        what: how the sentence calls it, e.g. `the subject`.

    Returns:
        The text, unchanged.

    Raises:
        InvalidHeader: it has line breaks, other control characters or halves of characters, or is too long.
    """
    if len(text) > HEADER_LIMIT:
        raise InvalidHeader(f"{_first(what)} has at most {HEADER_LIMIT} characters; this one has {len(text)}.")
    for place, character in enumerate(text):
        if unicodedata.category(character) in _NOT_IN_HEADERS:
            raise InvalidHeader(
                f"{_first(what)} has a line break or control character at position {place + 1} "
                f"(U+{ord(character):04X}); send it without."
            )
    return text


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _first(what: str) -> str:
    """How a sentence begins with it."""
    return what[:1].upper() + what[1:]
