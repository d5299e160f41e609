"""Phone numbers, as ITU-T E.164 writes them for use between countries."""

from __future__ import annotations

import re

from shared.errors import InvalidAddress

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""At most 15 digits, country code first, which never begins with 0. The shortest numbers in use have seven.

Source: https://www.itu.int/rec/T-REC-E.164
"""


def phone_number(text: str, field: str = "to") -> str:
    """Return a phone number that is in E.164.

    Nothing is guessed: which country a number without its code is in only its owner knows.

    Args:
        text: what somebody gave.
        field: how the error calls it.

    Raises:
        InvalidAddress: it is none.
    """
    if _E164.fullmatch(text):
        return text
    message = "This is no phone number in E.164; write + and the country code, then digits only, e.g. +4915112345678."
    raise InvalidAddress(message, errors=[{"field": field, "message": message}])
