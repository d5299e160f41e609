"""Texts that clients send, and what is wrong with them in words: pydantic's own would quote a regular expression."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters but for tabs and line breaks: databases, mails and phones each refuse some of them."""

_NOT_ON_ONE_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF = re.compile(r"[\ud800-\udfff]")
"""Half of a surrogate pair, which JSON can write and UTF-8 cannot."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_VISIBLE_ASCII = re.compile(r"[!-~]+")


def _whole(value: str) -> str:
    if _HALF.search(value):
        message = "holds half of a character (a lone surrogate); leave it out"
        raise ValueError(message)
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        message = "is blank"
        raise ValueError(message)
    return value


def _lines(value: str) -> str:
    if _CONTROL.search(value):
        message = "holds a control character; leave it out"
        raise ValueError(message)
    return value


def _one_line(value: str) -> str:
    if _NOT_ON_ONE_LINE.search(value):
        message = "holds a line break or control character; leave it out"
        raise ValueError(message)
    return value


def _media_type(value: str) -> str:
    if not _MEDIA_TYPE.fullmatch(value):
        message = "is no media type, such as application/pdf"
        raise ValueError(message)
    return value


def _visible_ascii(value: str) -> str:
    if not _VISIBLE_ASCII.fullmatch(value):
        message = "holds a space or what is not ASCII"
        raise ValueError(message)
    return value


Text = Annotated[str, AfterValidator(_whole), AfterValidator(_lines), AfterValidator(_not_blank)]
"""Text of any number of lines that is not blank."""

Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_whole), AfterValidator(_one_line)]
"""One line, which may be empty."""

Title = Annotated[Line, AfterValidator(_not_blank)]
"""One line that is not blank."""

Whole = Annotated[str, AfterValidator(_whole)]
"""Any text that UTF-8 can hold."""

MediaType = Annotated[str, AfterValidator(_media_type)]
Token = Annotated[str, AfterValidator(_visible_ascii)]
