"""Fields from the XML that PDFs carry: every syntax, and nothing from what can't be relied on."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.errors import EInvoiceUnusable
from tests.support import e_invoices
from workers.extraction.checked import MOST_LINES, as_json
from workers.extraction.e_invoice import EInvoice
from workers.extraction.printed import Printed
from workers.extraction.values import PageWords
from workers.ocr.engine import Word


def pages(*lines: str) -> list[PageWords]:
    """A page that says these lines, each word where it would stand."""
    words = [
        Word(text, 0.9, (100 + 120 * column, 100 + 60 * row, 100 + 120 * column + 11 * len(text), 130 + 60 * row))
        for row, line in enumerate(lines)
        for column, text in enumerate(line.split())
    ]
    return [PageWords(1, 2000, 3000, "\n".join(lines), words)]


def extracted(xml: bytes, *lines: str) -> dict[str, Any]:
    """The fields as the API shows them."""
    return as_json(EInvoice(lambda: xml).extract(pages(*lines)))


def values(fields: dict[str, Any]) -> dict[str, Any]:
    """The values alone."""
    return {name: field and field["value"] for name, field in fields.items() if name != "lines"}


def of_lines(fields: dict[str, Any]) -> list[list[str | None]]:
    """The values of the lines: description, quantity, unit price, amount."""
    return [[field and field["value"] for field in line.values()] for line in fields["lines"]]


WHOLE = {
    "supplier": e_invoices.SUPPLIER,
    "invoice_number": e_invoices.NUMBER,
    "date": "2026-11-12",
    "due_date": "2026-11-26",
    "currency": "EUR",
    "total": "140.42",
    "tax": "22.42",
    "subtotal": "118.00",
    "address": "Pier 4 20457 Hamburg DE",
    "iban": e_invoices.IBAN,
    "vat_id": e_invoices.VAT_ID,
}


def test_an_invoice_in_cii_says_everything() -> None:
    fields = extracted(e_invoices.cii())
    assert values(fields) == WHOLE
    assert of_lines(fields) == [["Lamp glass", "2", "49.50", "99.00"], ["Wick", "10", "1.90", "19.00"]]
    assert fields["total"]["confidence"] == 1.0


def test_an_invoice_in_ubl_says_the_same() -> None:
    fields = extracted(e_invoices.ubl())
    assert values(fields) == WHOLE
    assert of_lines(fields) == [["Lamp glass", "2", "59.00", "118.00"]]


def test_the_profile_minimum_says_little() -> None:
    fields = extracted(e_invoices.minimum())
    assert values(fields) == WHOLE | {"iban": None, "due_date": None}
    assert fields["lines"] == []


def test_values_are_placed_where_they_stand_in_print() -> None:
    fields = extracted(e_invoices.cii(), *e_invoices.PRINTED)
    assert {name for name in WHOLE if fields[name]["page"] is None} == {"address"}  # the country is not in print
    assert fields["total"]["text"] == "140,42 EUR"
    assert fields["date"]["text"] == "12.11.2026"
    assert fields["supplier"] == {
        "value": e_invoices.SUPPLIER,
        "confidence": 1.0,
        "page": 1,
        "box": [100, 100, 384, 130],
        "text": e_invoices.SUPPLIER,
    }
    assert fields["lines"][0]["amount"]["page"] == 1


def test_what_is_not_in_print_has_no_place() -> None:
    total = extracted(e_invoices.cii(), "Nothing of it")["total"]
    assert (total["page"], total["box"], total["text"]) == (None, None, "140.42")


@pytest.mark.parametrize("xml", [e_invoices.cii(type_code="381"), e_invoices.ubl(credit_note=True)], ids=["cii", "ubl"])
def test_a_credit_note_is_negative(xml: bytes) -> None:
    fields = extracted(xml, *e_invoices.PRINTED)
    assert [fields[name]["value"] for name in ("total", "tax", "subtotal")] == ["-140.42", "-22.42", "-118.00"]
    assert fields["total"]["text"] == "140,42 EUR"
    assert fields["lines"][0]["amount"]["value"].startswith("-")
    assert not fields["lines"][0]["unit_price"]["value"].startswith("-")


def test_a_credit_note_that_is_negative_already_stays_so() -> None:
    taxes = '<ram:TaxTotalAmount currencyID="EUR">-22.42</ram:TaxTotalAmount>'
    xml = e_invoices.cii([], type_code="381", net="-118.00", gross="-140.42", taxes=taxes, line_sum="")
    assert extracted(xml)["total"]["value"] == "-140.42"


def test_the_tax_is_that_in_the_currency_of_the_invoice() -> None:
    taxes = (
        '<ram:TaxTotalAmount currencyID="USD">25.00</ram:TaxTotalAmount>'
        '<ram:TaxTotalAmount currencyID="EUR">22.42</ram:TaxTotalAmount>'
    )
    assert extracted(e_invoices.cii(taxes=taxes))["tax"]["value"] == "22.42"


def test_several_taxes_are_added() -> None:
    rates = "".join(
        f"<ram:ApplicableTradeTax><ram:CalculatedAmount>{amount}</ram:CalculatedAmount></ram:ApplicableTradeTax>"
        for amount in ("18.81", "1.33")
    )
    fields = extracted(e_invoices.cii(means=rates, taxes="", gross="138.14"))
    assert fields["tax"]["value"] == "20.14"


def test_an_encoding_it_does_say_is_taken() -> None:
    xml = e_invoices.cii(supplier="Caf\u00e9 \u00d6l").decode().replace("UTF-8", "ISO-8859-1").encode("iso-8859-1")
    assert extracted(xml)["supplier"]["value"] == "Caf\u00e9 \u00d6l"


def test_an_iban_with_wrong_check_digits_is_left_out() -> None:
    xml = e_invoices.cii().replace(e_invoices.IBAN.encode(), b"DE03120300000000202051")
    assert extracted(xml)["iban"] is None


@pytest.mark.parametrize("name", e_invoices.HOSTILE)
def test_what_can_not_be_relied_on_is_refused(name: str) -> None:
    with pytest.raises(EInvoiceUnusable):
        extracted(e_invoices.HOSTILE[name])


def test_a_file_is_never_read_for_it() -> None:
    with pytest.raises(EInvoiceUnusable, match="document type"):
        extracted(e_invoices.HOSTILE["an entity that is a file"])


def test_a_contradiction_is_named() -> None:
    with pytest.raises(EInvoiceUnusable, match=r"net and tax come to 140.42, its total to 240.42"):
        extracted(e_invoices.HOSTILE["sums that contradict"])


def test_a_price_for_next_to_nothing_is_left_out() -> None:
    quantity = b"</ram:ChargeAmount><ram:BasisQuantity>0.0000000001</ram:BasisQuantity>"
    xml = e_invoices.cii().replace(b"49.50<", b"999999999999999<").replace(b"</ram:ChargeAmount>", quantity, 1)
    assert of_lines(extracted(xml))[0] == ["Lamp glass", "2", None, "99.00"]


def test_pages_and_data_that_say_the_same_all_over_hold_nobody_up() -> None:
    line = b"<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedTradeProduct><ram:Name>%s</ram:Name>"
    line += b"</ram:SpecifiedTradeProduct></ram:IncludedSupplyChainTradeLineItem>"
    many = b"".join(line % (b"a" * (39 + number % 100)) for number in range(20_000))
    trade = b"<ram:ApplicableHeaderTradeAgreement>"
    xml = e_invoices.cii().replace(trade, many + trade)
    began = time.process_time()
    fields = extracted(xml, *["a " * 100] * 80)
    assert time.process_time() - began < 5  # minutes, where every word is compared with every line
    assert len(fields["lines"]) == MOST_LINES


def test_words_that_say_nothing_and_parts_of_words_are_no_place() -> None:
    printed = Printed(pages("- Sail loft - No. 17", "loft 7 - nolo", "17 1 7"))
    place = printed.text("loft, no 17")
    assert place is not None
    assert place.text == "loft - No. 17"
    seventeen = printed.text("17")
    assert seventeen is not None
    assert seventeen.box[1] == 100
    assert printed.text("oft") is None
    assert printed.text("7no") is None
    assert printed.text("-") is None
