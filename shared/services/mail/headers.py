"""Headers that come out as they went in: nothing in them can begin another header or be read as something else.

The standard library would encode a long URL, and reads a subject that looks encoded as if it were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import SMTP, Policy
from typing import Any
from urllib.parse import quote

from shared.errors import InvalidHeader
from shared.services.mail.addresses import check_header

# Printable ASCII that no reader changes: no space at either end, no two in a row.
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_LINE = 60
# What a quoted string holds as it is, and a file name may be in one (RFC 2045, 5.1).
_QUOTABLE = re.compile(r"[ !#-\[\]-~]+")
_SECTION = 60
_SENDER = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_ADDRESS = re.compile(r"[!-;=?A-Z^-~]+@([A-Za-z0-9.-]+)")


class _Header(UnstructuredHeader, BaseHeader):
    """Text that is kept as it is given, instead of being searched for encoded words."""

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        """Of the registry's protocol: what is kept of a value."""
        kwds["parse_tree"] = cls.value_parser("")
        kwds["decoded"] = value


class _Verbatim(_Header):
    """ASCII already, on one line whatever its length."""

    def fold(self, *, policy: Policy) -> str:
        """Of the registry's protocol: the header with its line end."""
        return f"{self.name}: {self}{policy.linesep}"


class _Text(_Header):
    """Free text, in encoded words (RFC 2047) where a reader could take it for anything else."""

    def fold(self, *, policy: Policy) -> str:
        """Of the registry's protocol: the header with its line ends."""
        return f"{self.name}: {_words(str(self), self.name, policy.linesep)}{policy.linesep}"


class _AttachmentName(_Header):
    """The disposition of a file, given as its name: a short plain one quoted, any other as RFC 2231 has it."""

    def fold(self, *, policy: Policy) -> str:
        """Of the registry's protocol: the header with its line ends."""
        lines = (f"{policy.linesep} {parameter}" for parameter in _filename(str(self)))
        return f"{self.name}: attachment;{';'.join(lines)}{policy.linesep}"


_REGISTRY = HeaderRegistry()
for _name in ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"):
    _REGISTRY.map_to_type(_name, _Verbatim)
_REGISTRY.map_to_type("Subject", _Text)
_REGISTRY.map_to_type("Content-Disposition", _AttachmentName)

POLICY = SMTP.clone(header_factory=_REGISTRY, max_line_length=76, cte_type="7bit")
"""How a mail is written: quoted-printable lines of 76 characters (RFC 2045, 6.7), and no 8-bit ones."""


def sender_parts(sender: str) -> tuple[str, str]:
    """`Name <address>` or an address, as `From` says it, and the domain.

    Raises:
        InvalidHeader: it is neither.
    """
    named = _SENDER.fullmatch(check_header(sender, "the sender"))
    address = named["address"] if named else sender
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise InvalidHeader("The sender is no `Name <address>`; set MAIL_FROM to one.")
    name = _unquoted(named["name"].strip()) if named else ""
    return (f"{_phrase(name)} <{address}>" if name else address), found[1]


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def _phrase(name: str) -> str:
    """A name before an address; quoted where it is plain."""
    if _PLAIN.fullmatch(name) and _QUOTABLE.fullmatch(name) and "=?" not in name:
        return f'"{name}"'
    return " ".join(Header(name, "utf-8").encode().split())


def _words(text: str, name: str, linesep: str) -> str:
    if _PLAIN.fullmatch(text) and "=?" not in text and len(text) <= _PLAIN_LINE:
        return text
    return Header(text, "utf-8", header_name=name).encode(linesep=linesep)


def _filename(name: str) -> Iterator[str]:
    """The parameters that say a file's name (RFC 2231, 3 and 4)."""
    if _QUOTABLE.fullmatch(name) and len(name) <= _SECTION and name == name.strip() and "=?" not in name:
        yield f'filename="{name}"'
        return
    sections = [""]
    for character in name:
        escaped = quote(character, safe="")
        if len(sections[-1]) + len(escaped) > _SECTION:
            sections.append("")
        sections[-1] += escaped
    if len(sections) == 1:
        yield f"filename*=utf-8''{sections[0]}"
        return
    # The character set stands before the first section alone.
    sections[0] = f"utf-8''{sections[0]}"
    yield from (f"filename*{number}*={section}" for number, section in enumerate(sections))
