"""Text as it is compared: without accents, case, and what engines confuse."""

from __future__ import annotations

import re
import unicodedata

_CONFUSED = str.maketrans({"0": "O", "Q": "O", "1": "I", "L": "I", "|": "I", "!": "I", "5": "S", "8": "B"})
_NO_LETTER = re.compile(r"[^A-Z0-9|!]")
_DIGITS = str.maketrans("OoQDlIL|!SsBZ", "0000111115582")


def folded(text: str) -> str:
    """Upper case without accents; of the same length where the text is Latin, so that places in it stay."""
    if text.isascii():
        return text.upper()
    return "".join(map(_folded, text))


def _folded(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)[:1].upper()
    return plain if len(plain) == 1 else character


def comparable(text: str) -> str:
    """Letters in words, one letter for all those that engines take for another: `Sub-T0TAI` is `SUB TOTAL`.

    The letter for `L`, `1` and `|` is `I`, that for `0` and `Q` is `O`.
    """
    return " ".join(_NO_LETTER.sub(" ", folded(text)).translate(_CONFUSED).split())


def squeezed(text: str) -> str:
    """The same without spaces, which engines lose."""
    return comparable(text).replace(" ", "")


def digits(text: str) -> str:
    """The text with the letters engines take digits for made digits; for use where only digits can be."""
    return text.translate(_DIGITS)


def letters(text: str) -> int:
    """How many letters it has."""
    return sum(map(str.isalpha, text))
