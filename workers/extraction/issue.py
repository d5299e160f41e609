"""Which of a document's dates is the day it was issued, and which the day it is to be paid."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workers.extraction.dates import PrintedDate, dates, month_first, resolved
from workers.extraction.rows import Row
from workers.extraction.text import folded

_DUE = re.compile(
    r"\bDUE\b|PAY(?:ABLE)? (?:BY|BEFORE|UNTIL)|PAYMENT DATE|FALLIG|ZAHLBAR BIS|ZAHLUNGSZIEL|ZU ZAHLEN BIS|ECHEANCE"
    r"|A PAYER AVANT|VENCIMIENTO|VENCE"
    r"|SCADENZA|VERVALDATUM|VERVALDAG|UITERSTE|BETALEN VOOR|VENCIMENTO|PAGAR ATE|TARIKH AKHIR|BAYAR SEBELUM"
)
_ISSUED = re.compile(
    r"INVOICE DATE|DATE OF ISSUE|ISSUE DATE|ISSUED|BILL DATE|RECEIPT DATE|TAX POINT|RECHNUNGSDATUM|BELEGDATUM"
    r"|AUSSTELLUNGSDATUM|DATE DE (?:LA )?FACTUR|DATE D.?EMISSION"
    r"|FACTURE DU|EMISE? LE|FECHA (?:DE )?(?:FACTURA|EMISION|EXPEDICION)|DATA (?:DE )?(?:EMISS|FATTURA|FATURA"
    r"|DOCUMENTO)|FACTUURDATUM|TARIKH INVOIS|DEL\b"
)
_DATED = re.compile(r"\bDATE|DATUM|FECHA|\bDATA\b|TARIKH|\bDT\b|\bLE\b|\bDEN\b|\bVOM\b")
_OTHERWISE = re.compile(
    r"DELIVER|ORDER|LIEFER|BESTELL|LIVRAISON|COMMANDE|ENTREGA|PEDIDO|CONSEGNA|ORDINE|LEVER|BESTEL|ENCOMENDA|EXPIR"
    r"|VALID|GULTIG|PERIOD|FROM|\bTO\b|BIRTH|GEBURT"
    r"|SERVICE|LEISTUNG|PRESTATION|SINCE|PRINTED|BEST BEFORE|EXP\b|MFG|HALTBAR|RETURN|UMTAUSCH|STATEMENT|LAST"
    r"|PREVIOUS|NEXT|SUBSCRI|CONTRACT|VERTRAG|BIS ZUM"
)
_TIME = re.compile(r"\d{1,2}[:.]\d\d(?:[:.]\d\d)?\s?(?:[AP]\.?M)?")
_AMERICAN = re.compile(r"\b[A-Z]{2},? \d{5}(?:-\d{4})?\b|SALES TAX|\bEIN\b|\(\d{3}\) ?\d{3}-\d{4}|\bU\.?S\.?A\b")
_NOT_AMERICAN = re.compile(r"\bGST\b|\bVAT\b|\bIVA\b|\bTVA\b|\bMWST\b|\bRM\b|€|£|\bEUR\b|\bGBP\b|\bMYR\b")
_LONGEST_TERM = dt.timedelta(days=200)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A date, where it stands, and how sure it is."""

    value: dt.date
    printed: PrintedDate
    sure: float


@dataclass(frozen=True, slots=True)
class _Scored:
    date: PrintedDate
    value: dt.date
    issued: float
    due: float


def choose(rows: Sequence[Row]) -> tuple[Chosen | None, Chosen | None]:
    """Return the day of issue and the day payment is due."""
    printed = dates(rows)
    if not printed:
        return None, None
    months_first = month_first(printed, american=_american(rows))
    scored = _scored(rows, printed, months_first=months_first)
    issued = max(scored, key=lambda one: one.issued)
    ambiguous = len(issued.date.readings) > 1 and not any(date.order in {"dmy", "mdy", "named"} for date in printed)
    issue = Chosen(issued.value, issued.date, _sure(issued, scored) - 0.1 * ambiguous)
    later = [one for one in scored if one.due > 0 and dt.timedelta() <= one.value - issue.value <= _LONGEST_TERM]
    due = max(later, key=lambda one: one.due, default=None)
    return issue, Chosen(due.value, due.date, 0.92) if due else None


def _sure(best: _Scored, scored: Sequence[_Scored]) -> float:
    if best.issued < 0:
        return 0.4
    others = [one for one in scored if one.value != best.value]
    if not others:
        return 0.97
    margin = best.issued - max(one.issued for one in others)
    return 0.93 if margin > 1 else 0.8 if margin > 0.3 else 0.6  # noqa: PLR2004 - label against none


def _american(rows: Sequence[Row]) -> bool:
    """Whether the document looks as if it were from the United States, where the month comes first."""
    text = "\n".join(folded(row.text) for row in rows[:200])
    return bool(_AMERICAN.search(text)) and not _NOT_AMERICAN.search(text)


def _scored(rows: Sequence[Row], printed: Sequence[PrintedDate], *, months_first: bool) -> list[_Scored]:
    values = [resolved(date, month_first=months_first) for date in printed]
    seen = Counter(values)
    found = []
    for number, (date, value) in enumerate(zip(printed, values, strict=True)):
        label = _label(rows, date)
        due = 3.0 * bool(_DUE.search(label))
        after = date.row.text[date.end : date.end + 16]
        issued = 3.0 * bool(_ISSUED.search(label)) + 1.5 * bool(_DATED.search(label))
        issued += 1.2 * bool(_TIME.match(after.lstrip(" ,T-"))) + 0.3 * min(3, seen[value] - 1)
        issued -= due + 2.0 * bool(_OTHERWISE.search(label)) + 0.05 * min(number, 10)
        found.append(_Scored(date, value, issued, due))
    return found


def _label(rows: Sequence[Row], date: PrintedDate) -> str:
    """The words that say what a date is: before it in its row, else above it in its column."""
    row = date.row
    before = folded(row.text[max(0, date.start - 40) : date.start])
    cell = next((cell for cell in reversed(row.cells) if cell.box[0] < date.span.box[0]), None)
    near = folded(cell.text) if cell and folded(cell.text).strip() in before else before
    if any(map(str.isalpha, near)):
        return near if _DUE.search(near) or _ISSUED.search(near) or _DATED.search(near) else before
    position = next((index for index in range(row.index, -1, -1) if rows[index] is row), None)
    if position is None:
        return before
    for above in reversed(rows[max(0, position - 2) : position]):
        for head in above.cells:
            if head.page == row.page and head.box[0] < date.span.box[2] and date.span.box[0] < head.box[2]:
                return folded(head.text)
    return before
