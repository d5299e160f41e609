"""Addresses: lines with streets, postcodes, cities and countries."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workers.extraction.blocks import Line, below
from workers.extraction.rows import Span
from workers.extraction.text import comparable, digits, folded, letters

_STREET = re.compile(
    r"\b(?:JALAN|JLN|JIN|LORONG|LRG|TAMAN|TMN|LOT|BLOCK|BLK|LEVEL|FLOOR|FLR|ROAD|RD|STREET|AVENUE|AVE|LANE|DRIVE"
    r"|SQUARE|HIGHWAY|BLVD"
    r"|RUE|BOULEVARD|CHEMIN|QUAI|CALLE|AVDA|AVENIDA|PASEO|PLAZA|VIA|PIAZZA|CORSO|VIALE|RUA|TRAVESSA|LARGO|PRACA|ESTRADA"
    r"|WISMA|MALL|BANDAR|KAMPUNG|KG|BATU|SEKSYEN|KAWASAN|MENARA|PERSIARAN|LEBUH|LEBUHRAYA|UNIT|GROUND|TOWER|BUILDING"
    r"|PUSAT|DATARAN"
    r"|SUITE|P\.?O\.? BOX|POSTFACH|COMPLEX|KOMPLEKS|PLACE|COURT|WHARF|HILL|PARK|POSTBUS)\b|(?:JALAN|LORONG"
    r"|TAMAN)(?=[A-Z0-9])"
    r"|\bC/|STR\.\s?\d|STRA(?:SS|S|ß)E\b|STRAAT|GASSE\b|WEG\b|PLATZ\b|ALLEE\b|LAAN\b|PLEIN\b|GRACHT\b|KADE\b|DAMM\b"
    r"|RING\b|UFER\b"
    r"|\bST(?:\.|\b)(?=,|$)|^NO\.?\s?\d|\bNO\.\s?\d+[A-Z]?[,-]"
)
_POSTCODE = re.compile(
    r"(?<![\d-])\d{5}(?![\d-])[, .]*(?=[A-Z]|$)|(?<!\d)\d{4}\s?[A-Z]{2}\b|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|(?<!\d)\d{4}-\d{3}\b"
    r"|\b[A-Z]{2}\s\d{5}(?:-\d{4})?\b|\b(?:A|CH|D|F|B|L|DK|SE)-\d{4,5}\b|^\d{4}\s[A-Z]{3,}"
    r"|\b[A-Z]\d[A-Z]\s?\d[A-Z]\d\b|\bSINGAPORE \d{6}"
)
_REGION = re.compile(
    r"\b(?:JOHOR|SELANGOR|KUALA LUMPUR|KIALA LUMPUR|PENANG|PULAU PINANG|PERAK|PAHANG|KEDAH|KELANTAN|TERENGGANU"
    r"|MELAKA|MALACCA|NEGERI SEMBILAN"
    r"|PERLIS|SABAH|SARAWAK|PUTRAJAYA|LABUAN|WILAYAH PERSEKUTUAN|W\.? ?P\.?|MALAYSIA|SINGAPORE|DARUL|D\.E|GERMANY"
    r"|DEUTSCHLAND|FRANCE|ESPANA|SPAIN"
    r"|ITALIA|ITALY|NEDERLAND|NETHERLANDS|PORTUGAL|AUSTRIA|OSTERREICH|SCHWEIZ|SUISSE|SWITZERLAND|UNITED KINGDOM"
    r"|ENGLAND|USA|U\.S\.A|IRELAND|BELGIQUE|BELGIE"
    r"|LUXEMBOURG|AUSTRALIA|CANADA|INDIA|INDONESIA|BRASIL|MEXICO)\b"
)
_HOUSE = re.compile(r"^[A-Z][A-Z .'\-]{3,40}\s\d{1,4}\s?[A-Z]?,?$|^\d{1,5}[A-Z]?,?\s[A-Z][A-Z .'\-/0-9]{4,}")
_STOP = re.compile(
    r"\bTE[LI]\b|TE[LI]\s?[.:/]|\bFAX|PHONE|MOBILE|\bH/?P\b|E-?MA[IL]{2}|@|WWW\s?\.|HTTP|\bGST|\bSST\b|\bREG\b|REG\."
    r"|REGI|VAT\b|\bUST|STEUER|\bTAX|INVOICE|INVOIS"
    r"|RECEIPT|RECHNUNG|FACTUR|FATTURA|DATE|DATUM|IBAN|\bBIC\b|SIRET|SIREN|\bRCS\b|\bNIF|\bCIF|IVA\b|\bKVK|\bBTW"
    r"|\bHRB|CO\.?\s?NO|COMPANY NO|HOTLINE|CARELINE|\bID\b"
    r"|CASHIER|CASH\b|TABLE|\d{1,2}:\d\d|HOURS|OPEN\b|WELCOME|CUSTOMER|BILL|RESIT|TEIEFON|TELEFON|\bROC\b|SERVED"
    r"|OUTLET|\bDESC|\bQTY|KUNDEN|TICKET|FATURA|WEB\b"
)
_NUMBERS = re.compile(
    r"\W{0,3}(?:CO\W{1,2})?NO\W{0,3}\d{5,7}\W{0,2}[A-Z]\W{0,2}|[\W\d]{6,}[A-Z]?\W{0,2}|\W*\d{6,}-?[A-Z]\W*"
)
_MOST_LINES = 8
_REACH = 12
_LONGEST = 200
_PARTS = re.compile(r"\s?[·•|]\s?|\s+[\u2013—*-]\s+|,\s?")
_POSTCODE_LIKE = re.compile(r"[\dOoQDlI|SBZ]{5}")
_KNOWN = {
    comparable(word): word
    for word in [
        "MALAYSIA",
        "SELANGOR",
        "JOHOR",
        "KUALA",
        "LUMPUR",
        "PERAK",
        "PAHANG",
        "MELAKA",
        "JALAN",
        "TAMAN",
        "BANDAR",
        "SEKSYEN",
        "KAWASAN",
        "PERINDUSTRIAN",
        "SDN",
        "BHD",
        "SINGAPORE",
        "DEUTSCHLAND",
        "ITALIA",
        "STREET",
        "FLOOR",
        "LIMITED",
        "S/B",
    ]
}

Address = tuple[str, Sequence[Span], float]


def has_postcode(upper: str) -> bool:
    """Whether upper-case text holds what can be a postcode."""
    return bool(_POSTCODE.search(upper))


def looks_like(upper: str) -> bool:
    """Whether upper-case text is a line of an address."""
    if _STOP.search(upper):
        return False
    return bool(_STREET.search(upper) or _POSTCODE.search(upper) or _REGION.search(upper) or _HOUSE.search(upper))


def address(name: Line, all_lines: Sequence[Line], position: int, recipients: set[int]) -> Address | None:
    """The address under a name, or beside it in one line; None where there is none.

    Args:
        name: the last line of the name.
        all_lines: of the document.
        position: of `name` among them.
        recipients: positions of lines that are the customer's.
    """
    beside = inline(name)
    if beside:
        return beside
    customer = {id(all_lines[one]) for one in recipients}
    found: list[Line] = []
    done = False
    for line in below(name, all_lines, position, _REACH):
        upper = folded(line.text[:_LONGEST]).strip()
        stops = (
            len(line.text) > _LONGEST or bool(_STOP.search(upper) or _NUMBERS.fullmatch(upper)) or id(line) in customer
        )
        if not found and (stops or not looks_like(upper)):
            continue
        if stops or len(found) == _MOST_LINES or (done and not _goes_on(found[-1], upper)):
            break
        found.append(line)
        done = done or has_postcode(upper)
    if not found:
        return None
    return mended(" ".join(line.text for line in found)), found, 0.78 if done else 0.5


def _goes_on(last: Line, upper: str) -> bool:
    """Whether a line after the postcode's belongs to the address: a state, a country, what a comma announces."""
    if _REGION.search(upper) and len(upper.split()) <= 5:  # noqa: PLR2004 - no sentence
        return True
    return last.text.rstrip().endswith(",") and not any(map(str.isdigit, upper)) and letters(upper) > 2  # noqa: PLR2004


def before_address(text: str) -> str:
    """The name in a line that an address follows in."""
    return _PARTS.split(text)[0].strip()


def inline(line: Span) -> Address | None:
    """The address in `Muster GmbH · Hauptstr. 1 · 12345 Berlin`: a sender's line above a recipient's, or a foot."""
    parts = _PARTS.split(line.text, maxsplit=6)
    if len(parts) < 3 or letters(parts[0]) < 3 or looks_like(folded(parts[0])):  # noqa: PLR2004 - name, street, city
        return None
    upto = next((number for number, part in enumerate(parts) if number > 1 and has_postcode(folded(part))), None)
    if upto is None or not any(looks_like(folded(part)) for part in parts[1:upto]):
        return None
    start = line.text.index(parts[1], len(parts[0]))
    end = line.text.index(parts[upto], start) + len(parts[upto])
    return mended(" ".join(part.strip() for part in parts[1 : upto + 1])), [line.part(start, end)], 0.78


def mended(text: str) -> str:
    """The text with misread letters of words that every address has, and misread digits of postcodes, put right."""
    return " ".join(map(_mended, text.split(" ")))


def _mended(word: str) -> str:
    core = word.strip(".,")
    if not core:
        return word
    if _POSTCODE_LIKE.fullmatch(core) and sum(map(str.isdigit, core)) >= 3:  # noqa: PLR2004 - of five
        return word.replace(core, digits(core))
    upper = folded(core)
    known = _KNOWN.get(comparable(core))
    return word if known is None or upper == known or len(known) != len(core) else word.replace(core, known)
