"""Reads OASIS UBL 2.1, invoices and credit notes: XRechnung's and Peppol's other syntax."""

from __future__ import annotations

from decimal import Decimal

from workers.extraction.statements import Line, Statement, day, each, in_one_line, number
from workers.extraction.trees import Node


def read(root: Node) -> Statement:
    """Take an invoice or credit note apart."""
    seller = root.first("AccountingSupplierParty", "Party")
    sums = root.first("LegalMonetaryTotal")
    means = root.first("PaymentMeans")
    currency = root.text("DocumentCurrencyCode")
    return Statement(
        supplier=seller.text("PartyLegalEntity", "RegistrationName") or seller.text("PartyName", "Name"),
        number=root.text("ID"),
        # A credit note is one by its root, whatever it says.
        type_code="381" if root.name == "CreditNote" else root.text("InvoiceTypeCode"),
        issued=day(root.text("IssueDate")),
        due=day(root.text("DueDate") or means.text("PaymentDueDate")),
        currency=currency,
        line_sum=number(sums.text("LineExtensionAmount")),
        allowances=number(sums.text("AllowanceTotalAmount")),
        charges=number(sums.text("ChargeTotalAmount")),
        net=number(sums.text("TaxExclusiveAmount")),
        tax=_tax(root, currency),
        gross=number(sums.text("TaxInclusiveAmount")),
        rounding=number(sums.text("PayableRoundingAmount")),
        payable=number(sums.text("PayableAmount")),
        address=_address(seller.first("PostalAddress")),
        iban=root.text("PaymentMeans", "PayeeFinancialAccount", "ID"),
        vat_id=_vat_id(seller),
        lines=[_line(line) for line in root.all("InvoiceLine|CreditNoteLine")],
        nested=bool(root.first("InvoiceLine|CreditNoteLine", "SubInvoiceLine|SubCreditNoteLine")),
    )


def _tax(root: Node, currency: str | None) -> Decimal | None:
    """The total in the document's currency, as another may be in the accounts'."""
    for total in root.all("TaxTotal", "TaxAmount"):
        if total.attribute("currencyID") in {None, currency}:
            return number(total.text())
    return None


def _address(address: Node) -> str | None:
    more = address.text("AddressLine", "Line")
    street = (address.text("StreetName"), address.text("AdditionalStreetName"), more)
    country = address.text("Country", "IdentificationCode")
    return in_one_line(*street, address.text("PostalZone"), address.text("CityName"), country)


def _vat_id(seller: Node) -> str | None:
    schemes = seller.all("PartyTaxScheme")
    return next((scheme.text("CompanyID") for scheme in schemes if scheme.text("TaxScheme", "ID") == "VAT"), None)


def _line(line: Node) -> Line:
    price = line.first("Price")
    return Line(
        description=line.text("Item", "Name") or line.text("Item", "Description"),
        quantity=number(line.text("InvoicedQuantity|CreditedQuantity")),
        unit_price=each(number(price.text("PriceAmount")), number(price.text("BaseQuantity"))),
        amount=number(line.text("LineExtensionAmount")),
    )
