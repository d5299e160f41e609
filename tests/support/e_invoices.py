"""Invoices whose PDF carries them as XML, in the syntaxes and profiles that programs write, and as attackers would."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from decimal import Decimal

import pikepdf
from fpdf import FPDF

SUPPLIER = "Harbour Lights GmbH"
NUMBER = "RE-2026-0417"
IBAN = "DE02120300000000202051"
VAT_ID = "DE136695976"

PRINTED = [
    SUPPLIER,
    "Pier 4, 20457 Hamburg",
    f"USt-IdNr. {VAT_ID}",
    f"Rechnung Nr. {NUMBER}",
    "Datum: 12.11.2026",
    "Zahlbar bis 26.11.2026",
    "Lamp glass      2 x 49,50       99,00",
    "Wick             10 x 1,90       19,00",
    "Netto 118,00 EUR",
    "USt 19 % 22,42 EUR",
    "Gesamt 140,42 EUR",
    f"IBAN {IBAN[:4]} {IBAN[4:8]} {IBAN[8:12]} {IBAN[12:16]} {IBAN[16:20]} {IBAN[20:]}",
]
"""What the page says; the XML says the same unless a test wants otherwise."""

_CII = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter>
<ram:ID>{profile}</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>
<rsm:ExchangedDocument><ram:ID>{number}</ram:ID><ram:TypeCode>{type_code}</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">{date}</udt:DateTimeString></ram:IssueDateTime>
</rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>{lines}
<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty><ram:Name>{supplier}</ram:Name>
<ram:PostalTradeAddress><ram:PostcodeCode>20457</ram:PostcodeCode><ram:LineOne>Pier 4</ram:LineOne>
<ram:CityName>Hamburg</ram:CityName><ram:CountryID>DE</ram:CountryID></ram:PostalTradeAddress>
<ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">201/113/40209</ram:ID></ram:SpecifiedTaxRegistration>
<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">{vat_id}</ram:ID></ram:SpecifiedTaxRegistration>
</ram:SellerTradeParty><ram:BuyerTradeParty><ram:Name>Somebody Else AG</ram:Name></ram:BuyerTradeParty>
</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeDelivery/>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>{currency}</ram:InvoiceCurrencyCode>{means}
<ram:SpecifiedTradeSettlementHeaderMonetarySummation>{line_sum}
<ram:TaxBasisTotalAmount>{net}</ram:TaxBasisTotalAmount>{taxes}
<ram:GrandTotalAmount>{gross}</ram:GrandTotalAmount><ram:DuePayableAmount>{gross}</ram:DuePayableAmount>
</ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""

_CII_LINE = """<ram:IncludedSupplyChainTradeLineItem>
<ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID></ram:AssociatedDocumentLineDocument>
<ram:SpecifiedTradeProduct><ram:Name>{name}</ram:Name></ram:SpecifiedTradeProduct>
<ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice><ram:ChargeAmount>{price}</ram:ChargeAmount>
<ram:BasisQuantity unitCode="C62">{basis}</ram:BasisQuantity></ram:NetPriceProductTradePrice>
</ram:SpecifiedLineTradeAgreement><ram:SpecifiedLineTradeDelivery>
<ram:BilledQuantity unitCode="C62">{quantity}</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>
<ram:SpecifiedLineTradeSettlement><ram:SpecifiedTradeSettlementLineMonetarySummation>
<ram:LineTotalAmount>{amount}</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation>
</ram:SpecifiedLineTradeSettlement></ram:IncludedSupplyChainTradeLineItem>"""

_MEANS = """<ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>58</ram:TypeCode>
<ram:PayeePartyCreditorFinancialAccount><ram:IBANID>{iban}</ram:IBANID></ram:PayeePartyCreditorFinancialAccount>
</ram:SpecifiedTradeSettlementPaymentMeans>
<ram:ApplicableTradeTax><ram:CalculatedAmount>22.42</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>
<ram:BasisAmount>118.00</ram:BasisAmount><ram:RateApplicablePercent>19</ram:RateApplicablePercent></ram:ApplicableTradeTax>
<ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime><udt:DateTimeString format="102">20261126</udt:DateTimeString>
</ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>"""

_BASE = {
    "profile": "urn:cen.eu:en16931:2017",
    "number": NUMBER,
    "type_code": "380",
    "date": "20261112",
    "supplier": SUPPLIER,
    "vat_id": VAT_ID,
    "currency": "EUR",
    "net": "118.00",
    "gross": "140.42",
    "taxes": '<ram:TaxTotalAmount currencyID="EUR">22.42</ram:TaxTotalAmount>',
}

LINES = [("Lamp glass", "49.50", "1", "2", "99.00"), ("Wick", "19.00", "10", "10", "19.00")]
"""Name, price, of how many, how many, amount."""


def cii(lines: list[tuple[str, str, str, str, str]] = LINES, **changes: str) -> bytes:
    """An invoice of profile EN 16931 in CII; `changes` are what it says otherwise."""
    written = "".join(
        _CII_LINE.format(name=name, price=price, basis=basis, quantity=quantity, amount=amount)
        for name, price, basis, quantity, amount in lines
    )
    total = sum((Decimal(line[4]) for line in lines), Decimal(0))
    rest = {
        "lines": written,
        "means": _MEANS.format(iban=IBAN),
        "line_sum": f"<ram:LineTotalAmount>{total}</ram:LineTotalAmount>",
    }
    return _CII.format(**{**_BASE, **rest, **changes}).encode()


def minimum() -> bytes:
    """The same in the profile MINIMUM: no lines, no payment, no due date."""
    return cii([], profile="urn:factur-x.eu:1p0:minimum", means="", line_sum="")


_UBL = """<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{root}-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:ID>{number}</cbc:ID><cbc:IssueDate>2026-11-12</cbc:IssueDate>{due}{type_code}
<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>The Lamp Shop</cbc:Name></cac:PartyName>
<cac:PostalAddress><cbc:StreetName>Pier 4</cbc:StreetName><cbc:CityName>Hamburg</cbc:CityName>
<cbc:PostalZone>20457</cbc:PostalZone><cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>
</cac:PostalAddress><cac:PartyTaxScheme><cbc:CompanyID>{vat_id}</cbc:CompanyID>
<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
<cac:PartyLegalEntity><cbc:RegistrationName>{supplier}</cbc:RegistrationName></cac:PartyLegalEntity>
</cac:Party></cac:AccountingSupplierParty>
<cac:PaymentMeans><cbc:PaymentMeansCode>58</cbc:PaymentMeansCode>
<cac:PayeeFinancialAccount><cbc:ID>{iban}</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">22.42</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="EUR">118.00</cbc:LineExtensionAmount>
<cbc:TaxExclusiveAmount currencyID="EUR">118.00</cbc:TaxExclusiveAmount>
<cbc:TaxInclusiveAmount currencyID="EUR">140.42</cbc:TaxInclusiveAmount>
<cbc:PayableAmount currencyID="EUR">140.42</cbc:PayableAmount></cac:LegalMonetaryTotal>
<cac:{line}><cbc:ID>1</cbc:ID><cbc:{quantity} unitCode="C62">2</cbc:{quantity}>
<cbc:LineExtensionAmount currencyID="EUR">118.00</cbc:LineExtensionAmount>
<cac:Item><cbc:Name>Lamp glass</cbc:Name></cac:Item>
<cac:Price><cbc:PriceAmount currencyID="EUR">59.00</cbc:PriceAmount></cac:Price></cac:{line}></{root}>"""


def ubl(*, credit_note: bool = False) -> bytes:
    """An invoice, or a credit note, in UBL."""
    kind = "CreditNote" if credit_note else "Invoice"
    return _UBL.format(
        root=kind,
        number=NUMBER,
        due="" if credit_note else "<cbc:DueDate>2026-11-26</cbc:DueDate>",
        type_code=f"<cbc:{kind}TypeCode>{381 if credit_note else 380}</cbc:{kind}TypeCode>",
        vat_id=VAT_ID,
        supplier=SUPPLIER,
        iban=IBAN,
        line=f"{kind}Line",
        quantity="CreditedQuantity" if credit_note else "InvoicedQuantity",
    ).encode()


def printed(lines: list[str] = PRINTED) -> bytes:
    """The PDF of an invoice, born digital, with nothing attached."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    for line in lines:
        pdf.cell(text=line)
        pdf.ln(9)
    return bytes(pdf.output())


def carrying(
    xml: bytes, name: str = "factur-x.xml", *, lines: list[str] = PRINTED, password: str | None = None
) -> bytes:
    """The PDF of an invoice with XML attached to it, as Factur-X wants it."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(printed(lines))) as pdf:
        pdf.attachments[name] = pikepdf.AttachedFileSpec(
            pdf, xml, filename=name, description="", mime_type="text/xml", creation_date="", mod_date=""
        )
        pdf.attachments[name].obj["/AFRelationship"] = pikepdf.Name("/Data")
        pdf.save(out, encryption=pikepdf.Encryption(owner=password, user=password) if password else False)
    return out.getvalue()


def bomb(size: int = 200_000_000) -> bytes:
    """A PDF whose attached XML begins like an invoice and is a great many zeros once it is inflated."""
    deflate = zlib.compressobj(9)
    body = deflate.compress(b"<CrossIndustryInvoice >") + b"".join(
        deflate.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)
    )
    body += deflate.flush()
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(carrying(b"<a/>"))) as pdf:
        stream = pdf.attachments["factur-x.xml"].get_file().obj
        stream.write(body, filter=pikepdf.Name.FlateDecode)
        pdf.save(out)
    return out.getvalue()


HOSTILE: Mapping[str, bytes] = {
    "entities that multiply": cii(supplier="&lol9;").replace(
        b"<rsm:CrossIndustryInvoice",
        b"<!DOCTYPE x [<!ENTITY lol0 'lol'>"
        + b"".join(b"<!ENTITY lol%d '%s'>" % (n, b"&lol%d;" % (n - 1) * 10) for n in range(1, 10))
        + b"]><rsm:CrossIndustryInvoice",
        1,
    ),
    "an entity that is a file": cii(supplier="&file;").replace(
        b"<rsm:CrossIndustryInvoice",
        b"<!DOCTYPE x [<!ENTITY file SYSTEM 'file:///etc/passwd'>]><rsm:CrossIndustryInvoice",
        1,
    ),
    "another encoding than it says": cii(supplier="Caf\u00e9").replace(b"UTF-8", b"UTF-16"),
    "an unknown encoding": cii().replace(b"UTF-8", b"x-nobody-knows"),
    "a truncated one": cii()[:-80],
    "sums that contradict": cii(gross="240.42"),
    "no total": cii(gross="a lot"),
    "elements nested ten thousand deep": b"<CrossIndustryInvoice >"
    + b"<a>" * 10_000
    + b"</a>" * 10_000
    + b"</CrossIndustryInvoice>",
}
"""XML that must not be believed, by what is wrong with it."""
