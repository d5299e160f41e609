"""Text as XML 1.0 takes it."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape as _escape

_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return the text without the characters that no XML 1.0 document can hold."""
    return _FORBIDDEN.sub("", text)


def element(text: str) -> str:
    """Return the text as the content of an element."""
    return _escape(printable(text))


def attribute(text: str) -> str:
    """Return the text as the value of an attribute, without its quotation marks; white space stays what it is."""
    return _escape(printable(text), {'"': "&quot;", "'": "&#39;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})
