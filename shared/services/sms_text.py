"""How a text travels as SMS: in which alphabet, how long it is there, and as how many segments.

Sources: 3GPP TS 23.038, 6.2.1 (the alphabet and its extension), https://www.3gpp.org/dynareport/23038.htm; 3GPP TS
23.040, 9.2.3.24.1 (six bytes of each segment's 140 join it to the others).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.errors import MessageTooLarge

Encoding = Literal["gsm7", "ucs2"]

LIMIT = 1600
"""Characters that SNS takes as one message: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM 7-bit default alphabet, without the escape character."""

_EXTENSION = frozenset("\f^{}\\[~]|€")
"""What comes with an escape character before it, and so takes two places."""

_PLACES: dict[Encoding, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
"""Places in a message of one segment, and in each of several."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A text as SMS.

    Attributes:
        encoding: `gsm7`, or `ucs2` where one character is not in the GSM alphabet.
        length: places: 7-bit characters with their escapes, or UTF-16 units.
        segments: messages that carriers send, and charge, for it.
    """

    encoding: Encoding
    length: int
    segments: int


def measure(text: str) -> Measured:
    """Measure a text.

    Raises:
        MessageTooLarge: it is longer than SNS takes.
    """
    encoding: Encoding = "gsm7" if _BASIC.union(_EXTENSION).issuperset(text) else "ucs2"
    widths = [_width(encoding, character) for character in text]
    length = sum(widths)
    if length > LIMIT:
        message = f"As a text message this has {length} characters and {LIMIT} is the most; shorten it."
        raise MessageTooLarge(message, errors=[{"field": "body", "message": message}])
    alone, joined = _PLACES[encoding]
    return Measured(encoding, length, segments=1 if length <= alone else _segments(widths, joined))


def _width(encoding: Encoding, character: str) -> int:
    """The places that a character takes."""
    wide = character in _EXTENSION if encoding == "gsm7" else ord(character) > 0xFFFF  # noqa: PLR2004  # the BMP's end
    return 2 if wide else 1


def _segments(widths: Iterable[int], places: int) -> int:
    """Count segments: neither an escape nor a surrogate is parted from what follows it."""
    count, used = 1, 0
    for width in widths:
        if used + width > places:
            count, used = count + 1, 0
        used += width
    return count
