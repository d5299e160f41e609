"""Accounts, tax registrations and the invoice's own number."""

from __future__ import annotations

import pytest

from tests.support.printed import page
from workers.extraction.fields import extract


def _iban(line: str) -> str | None:
    found = extract([page(line)]).iban
    return found.value if found else None


def _vat(*lines: str) -> str | None:
    found = extract([page(*lines)]).vat_id
    return found.value if found else None


def _number(*lines: str) -> str | None:
    found = extract([page(*lines)]).invoice_number
    return found.value if found else None


def test_an_account_is_taken_out_of_what_stands_beside_it() -> None:
    assert _iban("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFFXXX") == "DE89370400440532013000"


def test_wrong_check_digits_are_no_account() -> None:
    assert _iban("IBAN DE88 3704 0044 0532 0130 00") is None


def test_misread_digits_of_an_account_are_put_right_where_the_checksum_agrees() -> None:
    assert _iban("IBAN DE89 37O4 0O44 O532 0l30 00") == "DE89370400440532013000"


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("USt-IdNr.: DE136695976", "DE136695976"),
        ("TVA intracom. FR 40 303 265 045", "FR40303265045"),
        ("P.IVA IT00743110157", "IT00743110157"),
        ("GST ID No : 000473792512", "000473792512"),
        ("VAT No. GB 980 7806 84", "GB980780684"),
        ("CHE-107.787.577 MWST", "CHE107787577"),
    ],
)
def test_a_tax_registration_is_known_by_its_form_or_label(line: str, number: str) -> None:
    assert _vat(line) == number


def test_a_registration_whose_check_digit_is_wrong_is_none() -> None:
    assert _vat("Our number DE136695977") is None


def test_the_customers_registration_is_not_the_suppliers() -> None:
    assert _vat("Bill to:", "Amsel KG", "DE136695976", "", "", "", "", "VAT ID ATU13585627") == "ATU13585627"


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (("Invoice No: 22497",), "22497"),
        (("Rechnungsnummer:  RE-2025-0117",), "RE-2025-0117"),
        (("Facture N° F2025-031",), "F2025-031"),
        (("Fattura n.  2025/19",), "2025/19"),
        (("Invoice #: OR18041602170486",), "OR18041602170486"),
        (("INVOICE NO  DATE", "58244  10/03/2018"), "58244"),
        (("Order No: 77", "Slip No.: 0020070154", "Invoice No: A-1"), "A-1"),
    ],
)
def test_the_number_is_what_its_label_says(lines: tuple[str, ...], number: str) -> None:
    assert _number(*lines) == number


def test_a_title_without_a_number_is_none() -> None:
    assert _number("TAX INVOICE", "25/01/2018") is None
