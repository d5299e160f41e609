"""Currencies as they are printed."""

from __future__ import annotations

import re

_SIGNS = {
    "RM": "MYR",
    "€": "EUR",
    "£": "GBP",
    "US$": "USD",
    "S$": "SGD",
    "A$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "R$": "BRL",
    "$": "USD",
    "¥": "JPY",
    "₹": "INR",
    "RP": "IDR",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "FR.": "CHF",
    "SFR.": "CHF",
    "₺": "TRY",
    "₱": "PHP",
    "₩": "KRW",
    "฿": "THB",
    "₫": "VND",
    "₪": "ILS",
}
_CODES = [
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "MYR",
    "SGD",
    "AUD",
    "CAD",
    "NZD",
    "HKD",
    "JPY",
    "CNY",
    "INR",
    "IDR",
    "THB",
    "PHP",
    "VND",
    "KRW",
    "TWD",
    "BRL",
    "MXN",
    "ARS",
    "CLP",
    "COP",
    "PEN",
    "ZAR",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "HUF",
    "RON",
    "BGN",
    "TRY",
    "ILS",
    "AED",
    "SAR",
    "QAR",
    "EGP",
    "KES",
    "NGN",
    "UAH",
    "ISK",
]
# These letters begin words as well.
_NEVER_ALONE = {"RP", "FT", "FR.", "SFR."}
CURRENCY = "|".join(
    [re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True) if sign not in _NEVER_ALONE] + _CODES
)
"""A pattern for one currency sign or code."""

NAMED = re.compile(rf"(?<![A-Z0-9])({CURRENCY})(?![A-Z])")
"""A currency anywhere in upper-case text."""


def code_of(printed: str | None) -> str | None:
    """The ISO 4217 code of a sign or code."""
    if not printed:
        return None
    printed = printed.upper()
    return _SIGNS.get(printed) or (printed if printed in _CODES else None)
