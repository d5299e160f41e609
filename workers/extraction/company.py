"""Who sold, and where they are: the company's name and address as printed."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from workers.extraction import places
from workers.extraction.blocks import Line, below, same_column
from workers.extraction.rows import Span
from workers.extraction.text import folded, letters

_LEGAL = re.compile(
    r"(?<![A-Z])(?:S[DBO]N\.?\s?B[HN]D|BERHAD|BHD|S/B|S\.?B\.?(?=$|\s|\()|GMBH(?:\s?&\s?CO\.?\s?KG)?|KGAA|OHG|GBR|E\.\s?K"
    r"|LTD|LIMITED|PLC|LLP|LLC|INC|CORP(?:ORATION)?|PTY|PTE|CO\s?\.|COMPANY|S\.?\s?A\.?\s?R\.?\s?L|S\.\s?A\.?S?|SAS|EURL"
    r"|S\.\s?L\.?U?|S\.?\s?P\.?\s?A|S\.?\s?R\.?\s?L\.?S?|S\.?N\.?C|B\.V|N\.V|V\.?O\.?F|LDA|UNIPESSOAL|APS|A/S"
    r"|SP\.?\s?Z\s?O\.?\s?O|S\.?R\.?O|KFT"
    # These are ends of names alone: elsewhere they are parts of words or of postcodes.
    r"|(?:AG|KG|UG|SA|SL|BV|NV|OY|AB|AS|SE|EK)(?=\.?\s?(?:$|[,(·|])))\.?(?![A-Z])"
)
_TRADE = re.compile(
    r"RESTAURANT|RESTORAN|ENTERPRISE|TRADING|MART\b|MARKET|SHOP|STORE|STATIONERY|KEDAI|HARDWARE|CAFE|COFFEE|BAKER"
    r"|SYARIKAT"
    r"|PERNIAGAAN|HOTEL|PHARMAC|FARMA|CLINIC|KLINIK|CENTRE|CENTER|HOLDING|INDUSTR|MOTOR|BOOK|KITCHEN|HOUSE|ELECTRIC"
    r"|SUPPLY"
    r"|APOTHEKE|BACKEREI|BAECKEREI|METZGEREI|GASTHAUS|GASTHOF|BUCHHANDLUNG|BOULANGERIE|LIBRAIRIE|PANADERIA|LIBRERIA"
    r"|TRATTORIA"
    r"|RISTORANTE|OSTERIA|FERRETERIA|RESTAURANTE|TIENDA|BAKKERIJ|WINKEL|PADARIA|MERCADO|SOLUTIONS|SERVICES|CONSULT"
    r"|STUDIO"
    r"|WERKSTATT|MOBEL|GARAGE|BROTHERS|& SONS|GALLERY|FASHION|OPTIC|SALON|STATION|DRUCKEREI|TECHNIK|BISTRO|GROCER"
    r"|FOODS?\b|DELI\b"
)
_GENERIC = re.compile(
    r"(?:RESTAURANT|RESTORAN|ENTERPRISE|TRADING|STATIONERY|MARKETING|INDUSTRIES|HARDWARE|SERVICES|HOLDINGS|SUPPLY|\(M\)|\(MALAYSIA\)|&|AND|CO)"
)
_NEVER = re.compile(
    r"INVOICE|INVOIS|RECEIPT|RESIT|RECHNUNG|QUITTUNG|GUTSCHRIFT|FACTURE|FACTURA|FATTURA|FACTUUR|FATURA|RICEVUTA"
    r"|RECIBO|TICKET|BELEG"
    r"|CREDIT NOTE|CASH BILL|CASH SALE|BILL\b|STATEMENT|WELCOME|THANK|TERIMA KASIH|WILLKOMMEN|VIELEN DANK|MERCI"
    r"|GRACIAS|GRAZIE"
    r"|CUSTOMER|COPY|PLEASE|DATE|DATUM|TOTAL|CASHIER|TABLE|ORIGINAL|DUPLICATE|SHOPPING|TQ ?FOR|PAGE\b|SEITE\b|MEMBER"
    r"|OUTLET|DELIVERY"
)
_CONTACT = re.compile(
    r"\bTEL\b|TEL[.:]|\bFAX|PHONE|MOBILE|E-?MAIL|@|WWW\.|HTTP|GST|\bSST\b|\bREG\b|REG\.|\bNO\s?[.:]?\s?:|VAT\b|UST"
    r"|STEUER|\bTAX\b|IBAN|\bBIC\b|SIRET|SIREN|\bRCS\b|\bNIF|\bCIF"
    r"|P\.?\s?IVA|\bKVK|\bBTW|\bHRB|CO\.?\s?NO|COMPANY NO|ROC\b|HOTLINE|CARELINE|FACEBOOK|\bID\b"
)
_NUMBER_ONLY = re.compile(r"[\W\d]*(?:[A-Z]{1,2})?[\W\d]*")
_REGISTERED = re.compile(
    r"\(?\s?(?:CO\.?\s?(?:REG\.?\s?)?(?:NO)?\.?\s?:?\s?)?[A-Z]?\d[\d ]{3,9}\s?-?\s?[A-Z0-9]{1,2}\s?\)"
    r"|\(\d{5,12}[^)]{0,40}\)?|\(?\d{12}\)?$"
)
_LEADING = re.compile(r"^(?:(?:#\d{3,}|\d{6,})\s+|[^\w(]+)")
_RECIPIENT = re.compile(
    r"^(?:BILL(?:ED)? TO|INVOICED? TO|SOLD TO|SHIP TO|DELIVER TO|CUSTOMER|CLIENT|ATTN|TO\s?:|M/S|RECHNUNG AN"
    r"|RECHNUNGSADRESSE|KUNDE\b|LIEFERADRESSE"
    r"|EMPFANGER|FACTURE A|ADRESSE DE|DESTINATAIRE|FACTURAR A|CLIENTE|DESTINATARIO|SPETT|INTESTATARIO|KLANT"
    r"|FACTUURADRES|AAN\s?:|KEPADA|PELANGGAN|HERRN?\b|FRAU\b)"
)
_SENDER = re.compile(
    r"^(?:FROM|SELLER|VENDOR|SUPPLIER|SOLD BY|VERKAUFER|LIEFERANT|ABSENDER|VENDEUR|EMETTEUR|FOURNISSEUR|EMISOR"
    r"|PROVEEDOR|VENDEDOR|FORNITORE|CEDENTE|LEVERANCIER|VERKOPER|FORNECEDOR|PENJUAL)\s?:?"
)
_DOMAIN = re.compile(r"(?:@|WWW\s?\.)\s?([A-Z0-9-]{3,40})\.")
_LOOKED_AT = 60
_RECIPIENT_LINES = 5
_HEAD = 0.45
_LONGEST = 150


@dataclass(frozen=True, slots=True)
class Company:
    """The supplier's name and address, with how sure each is before the reader's own confidence."""

    name: str
    name_span: Span
    name_sure: float
    address: str | None
    address_spans: Sequence[Span]
    address_sure: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    score: float
    position: int
    spans: Sequence[Line]


def find(all_lines: Sequence[Line]) -> Company | None:
    """Find the supplier.

    Args:
        all_lines: of the document; the head of the first page is looked at.
    """
    if not all_lines:
        return None
    first = all_lines[0].page
    head = [line for line in all_lines[:_LOOKED_AT] if line.page == first]
    scored = _Scores(all_lines, head)
    candidates = [found for position in range(len(head)) if (found := scored.candidate(position))]
    best = max(candidates, key=lambda one: one.score, default=None)
    if best is None:
        return None
    span = Span(first, [word for line in best.spans for word in line.words])
    address = places.address(best.spans[-1], all_lines, best.position, scored.recipients)
    if address is None:
        address = _elsewhere(best.name, all_lines, scored.recipients)
    if address is None:  # some print it above who they belong to
        address = places.address(head[0], all_lines, 0, scored.recipients)
    text, spans, sure = address or (None, (), 0.0)
    return Company(best.name, span, _sure(best.score), text, spans, sure)


def _elsewhere(name: str, all_lines: Sequence[Line], customers: set[int]) -> places.Address | None:
    """The address where the name is printed once more: above the recipient's, or at the foot of the page."""
    wanted = folded(name)
    for position, line in enumerate(all_lines):
        if position not in customers and folded(line.text[:_LONGEST]).startswith(wanted):
            found = places.address(line, all_lines, position, customers)
            if found:
                return found
    return None


def recipients(lines: Sequence[Line]) -> set[int]:
    """Positions of the lines that say who the customer is."""
    found: set[int] = set()
    positions = {id(line): position for position, line in enumerate(lines)}
    for position, line in enumerate(lines):
        if _RECIPIENT.match(folded(line.text[:_LONGEST])):
            found.add(position)
            found |= {positions[id(one)] for one in below(line, lines, position, _RECIPIENT_LINES)}
    return found


def _sure(score: float) -> float:
    return max(0.2, min(0.92, 0.42 + 0.1 * score))


class _Scores:
    """What speaks for each line of the head being the supplier's name."""

    def __init__(self, all_lines: Sequence[Line], head: Sequence[Line]) -> None:
        self._head = head
        self._upper = [folded(line.text[:_LONGEST]) for line in head]
        self._size = statistics.median(line.size for line in head)
        text = "\n".join(folded(line.text[:_LONGEST]) for line in [*all_lines[:150], *all_lines[-30:]])
        self._domains = [domain.replace("-", "") for domain in _DOMAIN.findall(text)]
        self._compact = re.sub(r"[^A-Z0-9]", "", text)
        self.recipients = recipients(head)

    def candidate(self, position: int) -> _Candidate | None:
        """The name at a position of the head, None where none can be."""
        line, upper = self._head[position], self._upper[position]
        if len(line.text) > _LONGEST:
            return None
        sender = _SENDER.match(upper)
        name = _clean(line.text[sender.end() :] if sender and len(upper) == len(line.text) else line.text)
        if places.inline(line):
            name = places.before_address(name)
        folded_name = folded(name)
        if letters(name) < 3 or _NUMBER_ONLY.fullmatch(folded_name) or (position in self.recipients):  # noqa: PLR2004
            return None
        score = self._score(position, folded_name)
        spans: list[Line] = [line]
        before = self._before(position, folded_name)
        if before is not None:
            name = f"{_clean(before.text)} {name}"
            spans = [before, line]
        return _Candidate(name, score, position, spans)

    def _before(self, position: int, name: str) -> Line | None:
        """The line above that a name begins on, where this one is but its end."""
        core = _GENERIC.sub("", _LEGAL.sub("", name)) if _LEGAL.search(name) else name
        if letters(core) > 1 or not position:
            return None
        above = self._head[position - 1]
        upper = self._upper[position - 1]
        fits = above.row == self._head[position].row - 1 and letters(above.text) > 2  # noqa: PLR2004
        return above if fits and not (_NEVER.search(upper) or _CONTACT.search(upper) or _LEGAL.search(upper)) else None

    def _score(self, position: int, name: str) -> float:
        line = self._head[position]
        score = 3.0 * bool(_LEGAL.search(name)) + 1.3 * bool(_TRADE.search(name))
        score += max(-0.5, min(1.5, 1.5 * (line.size / self._size - 1)))
        score -= 0.2 * min(position, 10) + 0.1 * max(0, position - 10) + 2.0 * (line.y > _HEAD)
        score -= 1.5 * self._under_an_address(position)
        score += 1.0 * bool(_SENDER.match(self._upper[position])) + self._after(position)
        compact = re.sub(r"[^A-Z0-9]", "", name)
        core = re.sub(r"[^A-Z0-9]", "", _LEGAL.sub("", name))
        score += 1.5 * any(_alike(core, domain) for domain in self._domains)
        score += 1.0 * (len(compact) > 5 and self._compact.count(compact) > 1)  # noqa: PLR2004 - printed twice
        score -= 4.0 * bool(_NEVER.search(name)) + 3.5 * bool(_CONTACT.search(name))
        score -= 2.5 * places.looks_like(name) * (not _LEGAL.search(name))
        figures = sum(map(str.isdigit, name))
        score -= 3.0 * (figures > 0.3 * len(compact)) + 0.6 * (len(name.split()) == 1 and not _TRADE.search(name))
        score -= 1.0 * (letters(name) < 5) + 0.7 * name.islower() + 2.0 * (1 - line.confidence)  # noqa: PLR2004
        return score - 1.0 * bool(re.search(r"\d[.,]\d\d\b", name))

    def _under_an_address(self, position: int) -> bool:
        box, size = self._head[position].box, self._head[position].size
        above = range(max(0, position - 12), position)
        return any(
            places.has_postcode(self._upper[one]) and same_column(self._head[one].box, box, size) for one in above
        )

    def _after(self, position: int) -> float:
        """A registration number or an address right below speaks for a name."""
        following = self._upper[position + 1 : position + 3]
        if _REGISTERED.search(self._upper[position]) or any(_REGISTERED.search(text) for text in following[:1]):
            return 1.2
        return 0.8 * any(places.looks_like(text) or _CONTACT.search(text) is not None for text in following)


def _alike(core: str, domain: str) -> bool:
    return len(domain) > 3 and (domain in core or (len(core) > 3 and core in domain))  # noqa: PLR2004


def _clean(text: str) -> str:
    """A name without what is printed beside it: numbers of a registry, marks of a till."""
    upper = folded(text)
    if len(upper) == len(text) and (match := _REGISTERED.search(upper)) and letters(text[: match.start()]) > 2:  # noqa: PLR2004
        text = text[: match.start()]
    text = _LEADING.sub("", text)
    return places.mended(text.strip(" ,;:-\u2013*|=_·•"))
