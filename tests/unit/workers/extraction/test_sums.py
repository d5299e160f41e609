"""Totals, taxes and subtotals: chosen by words and by sums that agree."""

from __future__ import annotations

import pytest

from tests.support.printed import page
from workers.extraction.fields import Invoice, extract


def _read(*lines: str) -> Invoice:
    return extract([page(*lines)])


def _value(field: object) -> str | None:
    return getattr(field, "value", None)


@pytest.mark.parametrize(
    "label",
    [
        "TOTAL", "Total Amount", "T0TAI", "Grand Total", "Amount due", "Summe", "Gesamtbetrag", "Zu zahlen",
        "Total TTC", "Net à payer", "Total a pagar", "Importe total", "Totale documento", "Totaal te betalen",
        "Valor total", "Jumlah besar", "Total Sales (Inclusive GST)",
    ],
)  # fmt: skip
def test_a_total_is_known_in_many_languages(label: str) -> None:
    assert _value(_read("Bread  3.00", "Milk  4.00", f"{label}  7.00", "Points  99.00").total) == "7.00"


@pytest.mark.parametrize(
    ("cash", "change"), [("CASH", "CHANGE"), ("Tunai", "Baki"), ("Gegeben", "Rückgeld"), ("Espèces", "Rendu")]
)
def test_what_is_handed_over_and_given_back_is_no_total(cash: str, change: str) -> None:
    found = _read("TOTAL  53.55", f"{cash}  100.00", f"{change}  46.45")
    assert _value(found.total) == "53.55"


def test_cash_less_change_decides_between_totals() -> None:
    found = _read("Total  40.00", "Total  53.55", "Total  70.00", "Cash  100.00", "Change  46.45")
    assert _value(found.total) == "53.55"


def test_the_total_after_rounding_is_the_one_to_pay() -> None:
    found = _read("Total incl. GST  20.98", "Rounding adj  0.02", "Total RM  21.00")
    assert _value(found.total) == "21.00"


def test_a_lost_minus_of_the_rounding_does_no_harm() -> None:
    found = _read("Total  476.81", "Rounding  0.01", "Total  476.80")
    assert _value(found.total) == "476.80"


def test_totals_of_parts_are_not_the_total() -> None:
    found = _read("Total 0% supplies  35.14", "Total 6% supplies (incl. GST)  38.41", "Total payable  73.55")
    assert _value(found.total) == "73.55"


def test_a_total_before_charges_is_not_the_last() -> None:
    found = _read(
        "Total amount  49.60", "Service charge  4.96", "GST 6%  3.27", "Rounding  -0.03", "Total amount  57.80"
    )
    assert _value(found.total) == "57.80"


def test_a_summary_of_taxes_is_no_total() -> None:
    found = _read("Total  46.54", "GST summary  Amount  Tax", "SR @ 6%  43.90  2.64", "Total  43.90  2.64")
    assert (_value(found.total), _value(found.tax), _value(found.subtotal)) == ("46.54", "2.64", "43.90")


def test_taxes_of_several_rates_add_up() -> None:
    found = _read("Net  300.00", "VAT 5%  10.00", "VAT 20%  20.00", "Total  330.00")
    assert (_value(found.tax), _value(found.subtotal)) == ("30.00", "300.00")
    assert found.tax is not None
    assert found.tax.text == "10.00 + 20.00"


def test_subtotal_and_tax_that_make_the_total_are_surer_than_ones_that_do_not() -> None:
    agreeing = _read("Subtotal  100.00", "VAT  20.00", "Total  120.00")
    alone = _read("Subtotal  100.00", "VAT  20.00", "Total  150.00")
    assert agreeing.total is not None
    assert alone.total is not None
    assert agreeing.total.confidence > alone.total.confidence
    assert agreeing.tax is not None
    assert alone.tax is not None
    assert agreeing.tax.confidence > alone.tax.confidence


def test_a_count_is_no_total() -> None:
    assert _value(_read("TOTAL QTY : 12.00", "TOTAL  9.00").total) == "9.00"


def test_a_label_above_its_amount_is_the_amounts() -> None:
    assert _value(_read("Bread  3.00", "Total", "9.00", "Thank you").total) == "9.00"


def test_a_credit_note_is_negative() -> None:
    found = _read("Netto  -100,00", "19 % MwSt.  -19,00", "Gutschriftsbetrag  -119,00")
    assert (_value(found.total), _value(found.tax), _value(found.subtotal)) == ("-119.00", "-19.00", "-100.00")


def test_a_badly_read_total_is_less_sure() -> None:
    lines = ("Subtotal  100.00", "VAT  20.00", "Total  120.00")
    sharp, blurred = extract([page(*lines)]), extract([page(*lines, confidence=0.5)])
    assert sharp.total is not None
    assert blurred.total is not None
    assert sharp.total.confidence > blurred.total.confidence


def test_nothing_is_found_where_nothing_is() -> None:
    assert _read("Dear Sir,", "we wish you well.").total is None
