"""The supplier's name and address."""

from __future__ import annotations

import pytest

from tests.support.printed import page
from workers.extraction.fields import extract


def _found(*lines: str) -> tuple[str | None, str | None]:
    found = extract([page(*lines)])
    name, address = found.supplier, found.address
    return name.value if name else None, address.value if address else None


def test_a_legal_form_tells_a_company_from_a_scribble_above_it() -> None:
    assert _found(
        "tan chay",
        "HARBOUR MOTOR (PORT ROAD) SDN. BHD.",
        "(801580-T)",
        "NO. 343, JALAN LAUT, SUNGAI BARU,",
        "81620 PENGERANG, JOHOR.",
        "TEL: 07-8263254",
        "INVOICE",
    ) == ("HARBOUR MOTOR (PORT ROAD) SDN. BHD.", "NO. 343, JALAN LAUT, SUNGAI BARU, 81620 PENGERANG, JOHOR.")


def test_a_name_that_goes_on_in_the_next_line_is_whole() -> None:
    name, _ = _found(
        "GREEN LOTUS VEGETARIAN", "RESTAURANT SDN BHD", "(1095514-X)", "12, Jalan Raya", "47400 Petaling Jaya"
    )
    assert name == "GREEN LOTUS VEGETARIAN RESTAURANT SDN BHD"


@pytest.mark.parametrize("number", ["(126926-H)", "(509213A)", "(CO. REG: 750441-W)", "(S19537-X)"])
def test_a_registry_number_is_no_part_of_the_name(number: str) -> None:
    name, _ = _found(f"LILY STORES SDN BHD {number}", "NO 2, JALAN RAYA", "55100 KUALA LUMPUR")
    assert name == "LILY STORES SDN BHD"


def test_a_title_is_no_name() -> None:
    name, _ = _found("TAX INVOICE", "RECEIPT", "Lily Bakery", "12 Mill Lane", "Leeds LS1 4DY")
    assert name == "Lily Bakery"


def test_the_customer_is_not_the_supplier() -> None:
    name, address = _found(
        "Bill to:", "Moorland Farms Ltd", "High Lane", "Leeds LS1 4DY", "", "", "Harbour Tools", "17 Quay Street",
        "Bristol BS1 4RN", "office@harbourtools.example",
    )  # fmt: skip
    assert (name, address) == ("Harbour Tools", "17 Quay Street Bristol BS1 4RN")


def test_the_senders_line_above_a_recipient_holds_both() -> None:
    assert _found(
        "Lindner GmbH · Ladestrasse 12 · 10115 Berlin", "Nordlicht Handel", "Hafenweg 3", "20457 Hamburg"
    ) == (
        "Lindner GmbH",
        "Ladestrasse 12 10115 Berlin",
    )


def test_phones_and_registrations_are_no_address() -> None:
    _, address = _found(
        "LILY SHOP", "GST NO: 001601310720", "NO 4, JALAN RAYA,", "43000 KAJANG", "03-3279 1851", "CASHIER: AN"
    )
    assert address == "NO 4, JALAN RAYA, 43000 KAJANG"


def test_known_words_and_postcodes_are_put_right() -> None:
    _, address = _found("LILY SDN BHD", "NO 4, JALAN RAYA,", "4600O PETALING, SELANG0R, Malaysla", "TEL 123")
    assert address == "NO 4, JALAN RAYA, 46000 PETALING, SELANGOR, MALAYSIA"


def test_a_page_without_a_name_has_none() -> None:
    assert _found("12.00", "13:30") == (None, None)
