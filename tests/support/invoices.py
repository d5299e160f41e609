"""Invoices of several countries and layouts, made with fpdf2, each with the fields it states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fpdf import FPDF

LEFT, RIGHT = 20.0, 190.0
_COLUMNS = (95.0, 115.0, 150.0, 190.0)
_A4_ROWS = 24


@dataclass(frozen=True, slots=True)
class Wording:
    """What a language calls things; `{}` takes the value."""

    title: str
    number: str
    date: str
    due: str
    head: Sequence[str]
    subtotal: str
    tax: str
    total: str
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """One invoice.

    Attributes:
        name: what it is, in a word or two.
        wording: its language.
        supplier: as printed.
        address: its lines.
        facts: what the letterhead says besides: numbers at offices, accounts.
        customer: name and address lines.
        values: number, date and due date as printed.
        items: description, quantity, price and amount of each line, as printed.
        sums: subtotal, taxes and total as printed, in the wording's order.
        expected: the fields and their values.
        layout: `letter` (sender's line above the recipient, facts at the foot), `head` (all at the top left), `right`
            (the supplier at the top right).
    """

    name: str
    wording: Wording
    supplier: str
    address: Sequence[str]
    facts: Sequence[str]
    customer: Sequence[str]
    values: tuple[str, str, str]
    items: Sequence[tuple[str, str, str, str]]
    sums: Sequence[tuple[str, str]]
    expected: dict[str, str]
    layout: str = "head"
    size: float = field(default=10.0)

    def pdf(self) -> bytes:
        """The invoice as a born-digital PDF."""
        return bytes(_Paper(self).made())


class _Paper:
    """An invoice under construction; places in millimetres."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.add_page()
        self._y = 20.0

    def made(self) -> bytearray:
        {"letter": self._letter, "head": self._head, "right": self._right}[self._made.layout]()
        self._title()
        self._table()
        self._sums()
        if self._made.layout == "letter":
            self._y = 275
            self._lines(self._made.facts, size=7)
        return self._pdf.output()

    def _write(self, text: str, x: float = LEFT, *, size: float = 0, bold: bool = False, right: bool = False) -> None:
        self._pdf.set_font("Helvetica", "B" if bold else "", size or self._made.size)
        self._pdf.text(x - (self._pdf.get_string_width(text) if right else 0), self._y, text)

    def _lines(self, lines: Sequence[str], x: float = LEFT, *, size: float = 0, right: bool = False) -> None:
        for line in lines:
            self._write(line, x, size=size, right=right)
            self._y += (size or self._made.size) * 0.5

    def _letter(self) -> None:
        self._write(self._made.supplier, RIGHT, size=16, bold=True, right=True)
        self._y = 48
        self._write(" · ".join([self._made.supplier, *self._made.address]), size=7)
        self._y = 54
        self._lines(self._made.customer)
        self._y = 95

    def _head(self) -> None:
        self._write(self._made.supplier, size=15, bold=True)
        self._y += 7
        self._lines([*self._made.address, *self._made.facts])
        self._y += 8
        self._lines([self._made.wording.recipient, *self._made.customer])
        self._y += 8

    def _right(self) -> None:
        self._write(self._made.supplier, RIGHT, size=13, bold=True, right=True)
        self._y += 6
        self._lines([*self._made.address, *self._made.facts], RIGHT, right=True)
        self._y += 4
        self._lines([self._made.wording.recipient, *self._made.customer])
        self._y += 8

    def _title(self) -> None:
        wording = self._made.wording
        self._write(wording.title, size=14, bold=True)
        self._y += 8
        for label, value in zip((wording.number, wording.date, wording.due), self._made.values, strict=True):
            if value:
                self._write(label)
                self._write(value, 70)
                self._y += 5.5
        self._y += 6

    def _row(self, cells: Sequence[str], *, bold: bool = False) -> None:
        self._write(cells[0], bold=bold)
        for text, x in zip(cells[1:], _COLUMNS[1:], strict=True):
            self._write(text, x, bold=bold, right=True)
        self._y += 6.5

    def _table(self) -> None:
        self._row(self._made.wording.head, bold=True)
        for number, item in enumerate(self._made.items, start=1):
            if number % _A4_ROWS == 0:
                self._pdf.add_page()
                self._y = 25
                self._row(self._made.wording.head, bold=True)
            self._row(item)
        self._y += 4

    def _sums(self) -> None:
        for label, value in self._made.sums:
            self._write(label, 115)
            self._write(value, RIGHT, right=True)
            self._y += 6


_GERMAN = Wording(
    "Rechnung", "Rechnungsnummer:", "Rechnungsdatum:", "Zahlbar bis:", ("Bezeichnung", "Menge", "Einzelpreis",
    "Gesamt"),
    "Zwischensumme (netto)", "zzgl. 19 % MwSt.", "Rechnungsbetrag",
)  # fmt: skip
_BERLIN = ("Ladestrasse 12", "10115 Berlin")
_KUNDE = ("Nordlicht Handels AG", "Frau Petra Sommer", "Hafenweg 3", "20457 Hamburg")

GERMAN = Made(
    "german", _GERMAN, "Werkstatt Lindner GmbH", _BERLIN,
    ("IBAN DE89 3704 0044 0532 0130 00  BIC COBADEFFXXX  USt-IdNr. DE136695976", "Amtsgericht Berlin HRB 11223"),
    _KUNDE, ("RE-2025-0117", "03.02.2025", "05.03.2025"),
    [("Schreibtisch Eiche", "2", "549,00", "1.098,00"), ("Lieferung und Aufbau", "1", "136,50", "136,50")],
    [("Zwischensumme (netto)", "1.234,50 EUR"), ("zzgl. 19 % MwSt.", "234,56 EUR"), ("Rechnungsbetrag",
    "1.469,06 EUR")],
    {
        "supplier": "Werkstatt Lindner GmbH", "address": "Ladestrasse 12 10115 Berlin",
        "invoice_number": "RE-2025-0117",
        "date": "2025-02-03", "due_date": "2025-03-05", "subtotal": "1234.50", "tax": "234.56", "total": "1469.06",
        "currency": "EUR", "iban": "DE89370400440532013000", "vat_id": "DE136695976",
    },
    "letter",
)  # fmt: skip

TWO_RATES = Made(
    "two rates, two pages", _GERMAN, "Feinkost Amsel KG", ("Am Markt 4", "80331 München"),
    ("USt-IdNr.: DE136695976", "IBAN: DE89370400440532013000"), _KUNDE, ("2025/884", "28.11.2025", ""),
    [("Olivenöl, Flasche", "10", "1,00", "10,00")] * 30,
    [
        ("Nettobetrag", "300,00"), ("MwSt. 7 % auf 200,00", "14,00"), ("MwSt. 19 % auf 100,00", "19,00"),
        ("Gesamtbetrag EUR", "333,00"),
    ],
    {
        "supplier": "Feinkost Amsel KG", "address": "Am Markt 4 80331 München", "invoice_number": "2025/884",
        "date": "2025-11-28", "subtotal": "300.00", "tax": "33.00", "total": "333.00", "currency": "EUR",
        "vat_id": "DE136695976",
    },
    "right",
)  # fmt: skip

CREDIT_NOTE = Made(
    "credit note", Wording("Gutschrift", "Gutschrift Nr.", "Datum", "", _GERMAN.head, "", "", ""),
    "Druckerei Holm GmbH", ("Gutenbergplatz 9", "04103 Leipzig"), ("USt-IdNr. DE136695976",), _KUNDE,
    ("G-77", "12. März 2025", ""), [("Plakate A2, Rückgabe", "-2", "50,00", "-100,00")],
    [("Netto", "-100,00 EUR"), ("19 % MwSt.", "-19,00 EUR"), ("Gutschriftsbetrag", "-119,00 EUR")],
    {
        "supplier": "Druckerei Holm GmbH", "invoice_number": "G-77", "date": "2025-03-12", "subtotal": "-100.00",
        "tax": "-19.00", "total": "-119.00", "currency": "EUR", "vat_id": "DE136695976",
    },
    "letter",
)  # fmt: skip

FRENCH = Made(
    "french",
    Wording(
        "Facture", "Facture N°", "Date de facturation", "Date d'échéance",
        ("Désignation", "Quantité", "Prix unitaire HT", "Montant HT"), "", "", "", "Facturé à :",
    ),
    "Imprimerie du Canal SARL", ("14 rue des Lilas", "69003 Lyon"), ("N° TVA : FR40303265045", "Tél. 04 78 00 00 00"),
    ("Atelier Mercier SA", "2 quai Voltaire", "75007 Paris"), ("F2025-031", "7 février 2025", "9 mars 2025"),
    [("Affiches", "3", "500,00", "1 500,00"), ("Livraison", "1", "34,50", "34,50")],
    [("Total HT", "1 534,50 EUR"), ("TVA 20 %", "306,90 EUR"), ("Total TTC", "1 841,40 EUR")],
    {
        "supplier": "Imprimerie du Canal SARL", "address": "14 rue des Lilas 69003 Lyon", "invoice_number": "F2025-031",
        "date": "2025-02-07", "due_date": "2025-03-09", "subtotal": "1534.50", "tax": "306.90", "total": "1841.40",
        "currency": "EUR", "vat_id": "FR40303265045",
    },
)  # fmt: skip

SPANISH = Made(
    "spanish",
    Wording(
        "Factura", "Factura nº", "Fecha de emisión", "Vencimiento", ("Descripción", "Cantidad", "Precio", "Importe"),
        "",
        "", "", "Facturar a:",
    ),
    "Librería Alameda S.L.", ("Calle Mayor 8", "28013 Madrid"), ("NIF: ESB58378431",
    "IBAN ES91 2100 0418 4502 0005 1332"),
    ("Taller Robles S.A.", "Avenida del Puerto 21", "46021 Valencia"), ("A-1042", "15/03/2025", "14/04/2025"),
    [("Cuadernos", "20", "2,50", "50,00"), ("Mapas", "4", "12,50", "50,00")],
    [("Base imponible", "100,00"), ("IVA 21 %", "21,00"), ("Total factura EUR", "121,00")],
    {
        "supplier": "Librería Alameda S.L.", "address": "Calle Mayor 8 28013 Madrid", "invoice_number": "A-1042",
        "date": "2025-03-15", "due_date": "2025-04-14", "subtotal": "100.00", "tax": "21.00", "total": "121.00",
        "currency": "EUR", "iban": "ES9121000418450200051332", "vat_id": "ESB58378431",
    },
)  # fmt: skip

ITALIAN = Made(
    "italian",
    Wording(
        "Fattura", "Fattura n.", "Data fattura", "Scadenza", ("Descrizione", "Quantità", "Prezzo", "Importo"), "", "",
        "",
        "Spett.le",
    ),
    "Officina Bianchi S.r.l.", ("Via Garibaldi 31", "10122 Torino"), ("Partita IVA: IT00743110157",),
    ("Studio Verdi S.p.A.", "Corso Francia 5", "10138 Torino"), ("2025/19", "04/06/2025", "30/06/2025"),
    [("Manutenzione", "5", "80,00", "400,00")],
    [("Imponibile", "400,00"), ("IVA 22%", "88,00"), ("Totale documento EUR", "488,00")],
    {
        "supplier": "Officina Bianchi S.r.l.", "address": "Via Garibaldi 31 10122 Torino", "invoice_number": "2025/19",
        "date": "2025-06-04", "due_date": "2025-06-30", "subtotal": "400.00", "tax": "88.00", "total": "488.00",
        "currency": "EUR", "vat_id": "IT00743110157",
    },
    "right",
)  # fmt: skip

DUTCH = Made(
    "dutch",
    Wording(
        "Factuur", "Factuurnummer", "Factuurdatum", "Vervaldatum", ("Omschrijving", "Aantal", "Prijs", "Bedrag"), "",
        "",
        "", "Factuuradres",
    ),
    "Fietsatelier Noord B.V.", ("Keizersgracht 100", "1015 CV Amsterdam"),
    ("BTW-nummer NL004495445B01", "IBAN NL91 ABNA 0417 1643 00"), ("Bakkerij Storm", "Laan 7", "3512 AB Utrecht"),
    ("20250044", "1 mei 2025", "31 mei 2025"), [("Onderhoud bakfiets", "2", "62,50", "125,00")],
    [("Subtotaal", "125,00"), ("BTW 21%", "26,25"), ("Totaal te betalen EUR", "151,25")],
    {
        "supplier": "Fietsatelier Noord B.V.", "address": "Keizersgracht 100 1015 CV Amsterdam",
        "invoice_number": "20250044", "date": "2025-05-01", "due_date": "2025-05-31", "subtotal": "125.00",
        "tax": "26.25",
        "total": "151.25", "currency": "EUR", "iban": "NL91ABNA0417164300", "vat_id": "NL004495445B01",
    },
)  # fmt: skip

PORTUGUESE = Made(
    "portuguese",
    Wording(
        "Fatura", "Fatura n.º", "Data de emissão", "Data de vencimento", ("Descrição", "Quantidade", "Preço",
        "Valor"), "",
        "", "", "Cliente:",
    ),
    "Padaria Central Lda", ("Rua Augusta 45", "1100-053 Lisboa"), ("NIF: PT501964843",),
    ("Hotel Atlas", "Avenida da Liberdade 9", "1250-139 Lisboa"), ("FT 12/345", "09/05/2025", "08/06/2025"),
    [("Pão de centeio", "100", "1,20", "120,00")],
    [("Total ilíquido", "120,00"), ("IVA 6 %", "7,20"), ("Total a pagar EUR", "127,20")],
    {
        "supplier": "Padaria Central Lda", "address": "Rua Augusta 45 1100-053 Lisboa", "date": "2025-05-09",
        "due_date": "2025-06-08", "subtotal": "120.00", "tax": "7.20", "total": "127.20", "currency": "EUR",
        "vat_id": "PT501964843",
    },
)  # fmt: skip

BRITISH = Made(
    "british, with a discount",
    Wording("INVOICE", "Invoice number", "Invoice date", "Due date", ("Description", "Qty", "Unit price", "Amount"),
    "", "", "", "Bill to:"),
    "Harbour Tools Ltd", ("17 Quay Street", "Bristol BS1 4RN"), ("VAT No. GB 980 7806 84",),
    ("Moorland Farms plc", "High Lane", "Leeds LS1 4DY"), ("INV-0098", "3 January 2025", "2 February 2025"),
    [("Torque wrench", "3", "120.00", "360.00"), ("Socket set", "1", "1,140.00", "1,140.00")],
    [("Subtotal", "£1,500.00"), ("Discount 10%", "-£150.00"), ("Net", "£1,350.00"), ("VAT 20%", "£270.00"),
    ("Total due", "£1,620.00")],
    {
        "supplier": "Harbour Tools Ltd", "address": "17 Quay Street Bristol BS1 4RN", "invoice_number": "INV-0098",
        "date": "2025-01-03", "due_date": "2025-02-02", "subtotal": "1350.00", "tax": "270.00", "total": "1620.00",
        "currency": "GBP", "vat_id": "GB980780684",
    },
)  # fmt: skip

AMERICAN = Made(
    "american",
    Wording("Invoice", "Invoice #", "Date", "Payment due", ("Description", "Qty", "Rate", "Amount"), "", "", "",
    "Bill To"),
    "Cedar Ridge Supply LLC", ("400 Mill Road", "Portland, OR 97205"), ("(503) 555-0142",),
    ("Blue Door Studio", "91 Pine Avenue", "Seattle, WA 98101"), ("10233", "03/04/2025", "04/03/2025"),
    [("Cedar boards", "40", "$18.25", "$730.00")],
    [("Subtotal", "$730.00"), ("Sales Tax 8.5%", "$62.05"), ("Total", "$792.05")],
    {
        "supplier": "Cedar Ridge Supply LLC", "address": "400 Mill Road Portland, OR 97205", "invoice_number": "10233",
        "date": "2025-03-04", "due_date": "2025-04-03", "subtotal": "730.00", "tax": "62.05", "total": "792.05",
        "currency": "USD",
    },
)  # fmt: skip

SWISS = Made(
    "swiss", _GERMAN, "Bergbahn Technik AG", ("Seestrasse 20", "8002 Zürich"),
    ("CHE-107.787.577 MWST", "IBAN CH93 0076 2011 6238 5295 7"), ("Hotel Gipfel", "Dorfplatz 1", "3920 Zermatt"),
    ("4711", "17.08.2025", "16.09.2025"), [("Seilrolle", "10", "1'120.00", "11'200.00")],
    [("Total exkl. MWST", "CHF 11'200.00"), ("MWST 8.1 %", "CHF 907.20"), ("Total inkl. MWST", "CHF 12'107.20")],
    {
        "supplier": "Bergbahn Technik AG", "address": "Seestrasse 20 8002 Zürich", "invoice_number": "4711",
        "date": "2025-08-17", "due_date": "2025-09-16", "subtotal": "11200.00", "tax": "907.20", "total": "12107.20",
        "currency": "CHF", "iban": "CH9300762011623852957", "vat_id": "CHE107787577",
    },
    "right",
)  # fmt: skip

MALAY = Made(
    "malay",
    Wording("INVOIS", "No. Invois", "Tarikh", "", ("Keterangan", "Kuantiti", "Harga", "Jumlah"), "", "", "", "Kepada:"),
    "Syarikat Kayu Jati Sdn Bhd", ("No. 7, Jalan Melur 3,", "Taman Cempaka,", "43000 Kajang, Selangor"),
    ("Tel: 03-8733 0000", "SST No: W10-1808-32000123"), ("Kedai Perabot Ria", "Jalan Besar", "83000 Batu Pahat"),
    ("IV-00231", "05/11/2025", ""), [("Papan jati", "6", "45.00", "270.00")],
    [("Jumlah kecil", "270.00"), ("SST 6%", "16.20"), ("Pelarasan", "0.00"), ("Jumlah besar", "RM286.20")],
    {
        "supplier": "Syarikat Kayu Jati Sdn Bhd",
        "address": "No. 7, Jalan Melur 3, Taman Cempaka, 43000 Kajang, Selangor", "invoice_number": "IV-00231",
        "date": "2025-11-05", "tax": "16.20", "total": "286.20", "currency": "MYR", "vat_id": "W10180832000123",
    },
)  # fmt: skip

ALL = (
    GERMAN, TWO_RATES, CREDIT_NOTE, FRENCH, SPANISH, ITALIAN, DUTCH, PORTUGUESE, BRITISH, AMERICAN, SWISS, MALAY,
)  # fmt: skip
