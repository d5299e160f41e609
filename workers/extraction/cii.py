"""Reads UN/CEFACT's Cross Industry Invoice: ZUGFeRD 1.0 to 2.x, Factur-X and XRechnung, in every profile.

Where a step has two names the second is ZUGFeRD 1.0's.
"""

from __future__ import annotations

from decimal import Decimal

from workers.extraction.statements import Line, Statement, day, each, in_one_line, number
from workers.extraction.trees import Node

_TAX_NUMBERS = ("VA",)
"""Schemes of the seller's registration that are VAT identifiers; `FC` is a number at the local tax office."""


def read(root: Node) -> Statement:
    """Take an invoice apart."""
    head = root.first("ExchangedDocument|HeaderExchangedDocument")
    trade = root.first("SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction")
    agreement = trade.first("ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement")
    settlement = trade.first("ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement")
    sums = settlement.first("SpecifiedTradeSettlementHeaderMonetarySummation|SpecifiedTradeSettlementMonetarySummation")
    seller = agreement.first("SellerTradeParty")
    currency = settlement.text("InvoiceCurrencyCode")
    lines = trade.all("IncludedSupplyChainTradeLineItem")
    return Statement(
        supplier=seller.text("Name"),
        number=head.text("ID"),
        type_code=head.text("TypeCode"),
        issued=day(head.text("IssueDateTime", "DateTimeString")),
        due=day(settlement.text("SpecifiedTradePaymentTerms", "DueDateDateTime", "DateTimeString")),
        currency=currency,
        line_sum=number(sums.text("LineTotalAmount")),
        allowances=number(sums.text("AllowanceTotalAmount")),
        charges=number(sums.text("ChargeTotalAmount")),
        net=number(sums.text("TaxBasisTotalAmount")),
        tax=_tax(sums, settlement, currency),
        gross=number(sums.text("GrandTotalAmount")),
        rounding=number(sums.text("RoundingAmount")),
        payable=number(sums.text("DuePayableAmount")),
        address=_address(seller.first("PostalTradeAddress")),
        iban=settlement.text("SpecifiedTradeSettlementPaymentMeans", "PayeePartyCreditorFinancialAccount", "IBANID"),
        vat_id=_vat_id(seller),
        lines=[_line(line) for line in lines if line.first("SpecifiedTradeProduct")],
        nested=any(line.first("AssociatedDocumentLineDocument", "ParentLineID") for line in lines),
    )


def _tax(sums: Node, settlement: Node, currency: str | None) -> Decimal | None:
    """The total in the invoice's currency, as another may be in the accounts'; else what the rates come to together."""
    for total in sums.all("TaxTotalAmount"):
        if total.attribute("currencyID") in {None, currency}:
            return number(total.text())
    amounts = [number(tax.text("CalculatedAmount")) for tax in settlement.all("ApplicableTradeTax")]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(amounts) else None


def _address(address: Node) -> str | None:
    street = (address.text("LineOne"), address.text("LineTwo"), address.text("LineThree"))
    return in_one_line(*street, address.text("PostcodeCode"), address.text("CityName"), address.text("CountryID"))


def _vat_id(seller: Node) -> str | None:
    for node in seller.all("SpecifiedTaxRegistration", "ID"):
        if node.attribute("schemeID") in _TAX_NUMBERS:
            return node.text()
    return None


def _line(line: Node) -> Line:
    price = line.first(
        "SpecifiedLineTradeAgreement|SpecifiedSupplyChainTradeAgreement",
        "NetPriceProductTradePrice",
    )
    settlement = line.first("SpecifiedLineTradeSettlement|SpecifiedSupplyChainTradeSettlement")
    sums = "SpecifiedTradeSettlementLineMonetarySummation|SpecifiedTradeSettlementMonetarySummation"
    delivery = line.first("SpecifiedLineTradeDelivery|SpecifiedSupplyChainTradeDelivery")
    return Line(
        description=line.text("SpecifiedTradeProduct", "Name"),
        quantity=number(delivery.text("BilledQuantity")),
        unit_price=each(number(price.text("ChargeAmount")), number(price.text("BasisQuantity"))),
        amount=number(settlement.text(sums, "LineTotalAmount")),
    )
