"""Text as any store takes it, wherever it was read."""

from __future__ import annotations

import re
from typing import Final

HYPHENS: Final = ("\ufffe", "\x02")
"""What pdfium puts where a hyphen ends a line; it gives no line break there."""

_PLAIN: Final = re.compile(r"[\n\x20-\x7e\xa0-\u024f\u2010-\u2027\u2030-\u2044\u20ac]*")
_UNSTORABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_END: Final = re.compile(r"\r\n?|[\u2028\u2029\x85]")


def clean(text: str) -> str:
    r"""Return text any store takes: lines end in `\n`, hyphen marks are hyphens again, nothing unprintable is left."""
    text = text.replace("\r\n", "\n")
    if _PLAIN.fullmatch(text):
        return text
    for mark in HYPHENS:
        text = text.replace(mark + "\n", "-\n").replace(mark, "-\n")
    return _UNSTORABLE.sub("", _LINE_END.sub("\n", text))


def clean_words(words: list[str]) -> list[str]:
    """Return the words, each as `clean` returns it and free of line ends."""
    if _PLAIN.fullmatch("".join(words)):
        return words
    return [clean(word).rstrip("\n") for word in words]
