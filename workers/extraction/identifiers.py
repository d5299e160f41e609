"""Numbers that name something: bank accounts, tax registrations, the invoice itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stdnum import iban as iban_number
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError

from workers.extraction.blocks import Line, below
from workers.extraction.rows import Span
from workers.extraction.text import digits, folded

_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}[\dOIL]{2}(?:[ -]?[A-Z0-9]){11,30}")
_IBAN_LENGTHS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "TR": 26, "AE": 23, "SA": 24, "IL": 23, "UA": 29, "RS": 22, "BR": 29,
}  # fmt: skip
_FIGURES_ONLY = frozenset(
    ["AT", "BE", "CZ", "DE", "DK", "EE", "ES", "FI", "HR", "HU", "IS", "LT", "NO", "PL", "PT", "RS", "SE", "SI", "SK"]
)
_VAT = re.compile(
    r"(?<![A-Z0-9])(?:AT[ -]?U|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI"
    r"|SK)(?:[ .-]?[A-Z0-9]){8,12}(?![A-Z0-9])"
)
_OTHER_VAT = re.compile(r"(?<![A-Z0-9])(?:CHE[ -]?\d{3}\.?\d{3}\.?\d{3}|GB ?\d{3} ?\d{4} ?\d{2})(?![0-9])")
_NATIONAL = re.compile(r"(?<![A-Z0-9])[A-Z0-9](?:[ .-]?[A-Z0-9]){7,15}(?![A-Z0-9])")
_VAT_LABEL = re.compile(
    r"(?:\bGST|\bSST|\bVAT|\bTAX|\bTIN|\bABN|\bUST|USTID|UID|\bTVA|\bIVA|\bNIF|\bCIF|\bNIPC|\bBTW|P\.? ?IVA"
    r"|PARTITA IVA|CONTRIBUINTE|\bMVA|\bCBP)"
    r"[ .-]{0,2}(?:REG(?:ISTRATION|ISTERED|\.)?|ID|IDNR|INTRACOM|NUMMER|NUMBER|NO|NR"
    r"|N[°ºO])?[\w .°º#-]{0,14}?[:.#]?(?<=[:.# ])\s{0,3}(?=[A-Z]{0,3}[ -]?\d)"
)
_NUMBER_LABEL = re.compile(
    r"(?:(?:TAX )?INV(?:OICE|OIS)?|RECEIPT|RCPT|RESIT|BILL|SLIP|DOC(?:UMENT)?|TICKET|CREDIT NOTE|CREDIT MEMO|CN|TRN"
    r"|TRX|TRANS(?:ACTION)?|CHECK|CHK|BELEG|BON"
    r"|RECHNUNGS?|GUTSCHRIFTS?|FACTURE|AVOIR|FACTURA(?: SIMPLIFICADA)?|ABONO|FATTURA|NOTA DI CREDITO|FACTUUR"
    r"|CREDITNOTA|FATURA|RECIBO"
    r"|RICEVUTA|SCONTRINO|ORDER|S/?N)"
    r" ?[-.]? ?(?:NUMMER|NUMBER|NUM(?:ERO)?|NO|NR|N[°ºO]|N(?=[. ]|$)|#|ID|REF)?\s?/?(?:DATE)?\s?[.:#°º-]{0,3}\s{0,3}"
)
_EXPLICIT = re.compile(r"NUMMER|NUMBER|NUM|\bNO|NO\b|NR|N[°º]|#|\bN\.|ID\b|:")
_TOKEN = re.compile(r"[A-Z0-9][A-Z0-9/_.#-]{0,29}(?: ?[-/] ?[A-Z0-9]{1,20}){0,4}")
_NOT_ORDERS = re.compile(
    r"^(?:INV|TAX INV|RECEIPT|RCPT|RESIT|RECHNUNG|GUTSCHRIFT|FACT|FATT|FATURA|AVOIR|CREDIT|NOTA|ABONO)"
)
_FEWEST_DIGITS = 7
_NEVER_NUMBER = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}:\d\d|\d+[.,]\d\d")
_DATE_LABEL = re.compile(r"DATE|DATUM|FECHA|DATA|DUE|ADDRESS|TOTAL|AMOUNT")


@dataclass(frozen=True, slots=True)
class Found:
    """A number, what it is printed as, and how sure it is."""

    value: str
    span: Span
    sure: float


def iban(lines: Iterable[Line]) -> Found | None:
    """The first account whose check digits are right, if need be with misread letters put right."""
    for line in lines:
        text = folded(line.text)
        for match in _IBAN.finditer(text):
            compact = re.sub(r"[ -]", "", match[0])
            value = _checked_iban(compact)
            if value:
                end = _end_of(match[0], len(value)) + match.start()
                return Found(value, line.part(match.start(), end), 0.97 if compact.startswith(value) else 0.85)
    return None


def _checked_iban(compact: str) -> str | None:
    length = _IBAN_LENGTHS.get(compact[:2])
    if length is None or len(compact) < length:
        return None
    compact = compact[:length]
    figures = compact[:2] + digits(compact[2:])
    tried = [compact, compact[:2] + digits(compact[2:4]) + compact[4:]]
    if compact[:2] in _FIGURES_ONLY:
        tried.append(figures)
    return next((one for one in tried if iban_number.is_valid(one, check_country=False)), None)


def _end_of(text: str, characters: int) -> int:
    """Where in a text so many characters have passed that are no separators."""
    for index, character in enumerate(text):
        characters -= character not in " -"
        if characters == 0:
            return index + 1
    return len(text)


def vat_id(lines: Sequence[Line], recipients: set[int]) -> Found | None:
    """The number under which the supplier is registered for taxes.

    Args:
        lines: of the document.
        recipients: positions of lines that are the customer's: theirs is another.
    """
    best: Found | None = None
    for position, line in enumerate(lines):
        for found in _vat_ids(line):
            sure = found.sure - 0.4 * (position in recipients)
            if best is None or sure > best.sure:
                best = Found(found.value, found.span, sure)
    return best if best and best.sure > 0.3 else None  # noqa: PLR2004 - rather none than the customer's


def _vat_ids(line: Line) -> Iterator[Found]:
    text = folded(line.text)
    if len(text) != len(line.text):
        return
    label = _VAT_LABEL.search(text)
    for match in _VAT.finditer(text):
        value = _checked_vat(re.sub(r"[ .-]", "", match[0]))
        if value:
            end = match.start() + len(match[0])
            yield Found(value, line.part(match.start(), end), 0.97 if label else 0.9)
    for match in _OTHER_VAT.finditer(text):
        yield Found(re.sub(r"[ .-]", "", match[0]), line.part(*match.span()), 0.9 if label else 0.6)
    if label and (national := _NATIONAL.match(text, label.end())):
        value = re.sub(r"[ .-]", "", national[0])
        if sum(map(str.isdigit, value)) >= max(_FEWEST_DIGITS, len(value) - 4):
            yield Found(value, line.part(*national.span()), 0.8)


def _checked_vat(compact: str) -> str | None:
    """The number if its check digits are right; words after it may have been taken for a part of it."""
    for length in range(len(compact), 9, -1):
        for tried in (compact[:length], compact[:2] + digits(compact[2:length])):
            try:
                return str(eu_vat.validate(tried))
            except ValidationError:
                continue
    return None


def invoice_number(lines: Sequence[Line]) -> Found | None:
    """What the invoice or receipt is called by who issued it."""
    best: Found | None = None
    for position, line in enumerate(lines[:400]):
        text = folded(line.text)
        if len(text) != len(line.text):
            continue
        for match in _NUMBER_LABEL.finditer(text):
            if match.start() and text[match.start() - 1].isalnum():
                continue
            explicit = bool(_EXPLICIT.search(match[0]))
            if not explicit and match.end() < len(text) and not _NOT_ORDERS.match(match[0]):
                continue
            sure = (0.85 if _NOT_ORDERS.match(match[0]) else 0.55) + 0.08 * explicit - 0.2 * (not explicit)
            found = _number_after(lines, position, text, match.end(), sure)
            if found and (best is None or found.sure > best.sure):
                best = found
    return best


def _number_after(lines: Sequence[Line], position: int, text: str, end: int, sure: float) -> Found | None:
    """The number right after a label, in the next column, or under it."""
    line = lines[position]
    if end < len(text):
        match = _TOKEN.match(text, end)
        return _number(line, match, sure) if match else None
    for other in lines[position + 1 : position + 4]:
        if other.row == line.row and (match := _TOKEN.match(folded(other.text).lstrip(": #"))):
            shift = len(other.text) - len(folded(other.text).lstrip(": #"))
            if found := _number(other, match, sure - 0.03, shift):
                return found
    for other in below(line, lines, position, 1):
        if match := _TOKEN.match(folded(other.text)):
            return _number(other, match, sure - 0.08)
    return None


def _number(line: Line, match: re.Match[str], sure: float, shift: int = 0) -> Found | None:
    value = match[0].strip(" .-/#")
    if not any(map(str.isdigit, value)) or _NEVER_NUMBER.fullmatch(value) or _DATE_LABEL.search(value):
        return None
    start = match.start() + shift
    printed = line.text[start : start + len(value)]
    return Found(printed, line.part(start, start + len(value)), sure - 0.15 * (len(value) < 3))  # noqa: PLR2004
