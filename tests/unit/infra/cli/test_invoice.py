"""`twolane invoice` from the outside: what it sends, what it prints where, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.infra.cli.conftest import Twolane
from tests.unit.infra.cli.fake_api import FakeApi

MakeFile = Callable[..., Path]


def field(value: str, page: int | None = 1) -> dict[str, Any]:
    """A field as the API shows it."""
    return {"value": value, "confidence": 0.93, "page": page, "box": None, "text": value}


@pytest.fixture(autouse=True)
def found(api: FakeApi) -> None:
    """What is found in every file."""
    line = {"description": field("Lamp [glass]"), "quantity": field("2"), "unit_price": None, "amount": field("99.00")}
    fields = {"supplier": field("Harbour [Lights]"), "total": field("140.42", None), "iban": None, "lines": [line]}
    api.invoice = {
        "status": "completed",
        "extractor": "rules",
        "fallback": {"code": "e_invoice_unusable", "message": "The XML is odd."},
        "error": None,
        "fields": fields,
    }


def test_fields_are_printed_as_a_table(twolane: Twolane, make_file: MakeFile, api: FakeApi) -> None:
    result = twolane("invoice", "--languages", "deu", make_file("a.pdf"))

    assert result.exit_code == 0
    assert [options["extract"] for options in api.options] == ["invoice"]
    assert api.options[0]["languages"] == "deu"
    for text in ("a.pdf (rules)", "Harbour [Lights]", "140.42", "93%", "Lamp [glass]", "99.00"):
        assert text in result.stdout
    assert "iban" not in result.stdout
    assert "a.pdf: The XML is odd. (e_invoice_unusable)" in result.stderr


def test_json_is_one_line_a_file_in_the_order_of_the_files(twolane: Twolane, make_file: MakeFile) -> None:
    result = twolane("invoice", "--json", make_file("a.pdf"), make_file("b.pdf"))

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["file"] for line in lines] == ["a.pdf", "b.pdf"]
    assert lines[0]["fields"]["total"]["value"] == "140.42"


def test_fields_that_are_looked_for_still_are_asked_for_again(
    twolane: Twolane, make_file: MakeFile, api: FakeApi
) -> None:
    api.invoices_in_progress = 1

    assert twolane("invoice", make_file("a.pdf")).exit_code == 0
    assert api.invoices_in_progress == 0


def test_fields_that_could_not_be_looked_for_are_one_sentence_and_exit_code_1(
    twolane: Twolane, make_file: MakeFile, api: FakeApi
) -> None:
    api.invoice = {"error": {"code": "object_missing", "message": "The words are gone."}}

    result = twolane("invoice", make_file("a.pdf"))

    assert result.exit_code == 1
    assert "a.pdf: The words are gone. (object_missing)" in result.stderr
    assert result.stdout == ""


def test_a_file_that_can_not_be_read_does_not_hold_up_the_others(twolane: Twolane, make_file: MakeFile) -> None:
    result = twolane("invoice", make_file("fails.pdf"), make_file("good.pdf"))

    assert result.exit_code == 1
    assert "fails.pdf: failed: The file is damaged. (corrupt_file)" in result.stderr
    assert "good.pdf (rules)" in result.stdout
