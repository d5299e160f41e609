"""Who can be written to, and what a header can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidAddress, InvalidHeader
from shared.services.mail.addresses import check_header, mail_address, phone_number


@pytest.mark.parametrize(
    ("text", "sent_to"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Lovelace+ocr@EXAMPLE.com", "Ada.Lovelace+ocr@example.com"),
        ("grete@bücher.example.com", "grete@xn--bcher-kva.example.com"),
        ("o'hara@xn--bcher-kva.example.com", "o'hara@xn--bcher-kva.example.com"),
    ],
)
def test_an_address_is_sent_to_in_ascii(text: str, sent_to: str) -> None:
    assert mail_address(text) == sent_to


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@localhost",
        "ada@@example.com",
        "ada@example..com",
        ".ada@example.com",
        "Ada <ada@example.com>",
        "ada@example.com, eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n",
        " ada@example.com",
        "ada@example.com\x00",
        "ada@[127.0.0.1]",
        '"ada lovelace"@example.com',
        "grüße@example.com",
        "ada@exa\ud800mple.com",
        "ada@" + "x" * 64 + ".com",
        "x" * 65 + "@example.com",
        "ada@" + "x." * 200 + "com",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        mail_address(text)

    sentence = str(refused.value)
    assert "mail address" in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


@given(st.text(max_size=400))
def test_any_text_is_an_address_that_headers_hold_or_is_refused(text: str) -> None:
    try:
        address = mail_address(text)
    except InvalidAddress:
        return

    assert address.isascii()
    assert check_header(address, "the recipient") == address
    assert mail_address(address) == address


@pytest.mark.parametrize("text", ["+4930901820", "+12025550123", "+12345678", "+123456789012345"])
def test_a_phone_number_is_e164(text: str) -> None:
    assert phone_number(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4930901820",
        "004930901820",
        "+0930901820",
        "+1234567",
        "+1234567890123456",
        "+49 30 901820",
        "+49-30-901820",
        "+4930901820\n",
        "+٤٩٣٠٩٠١٨٢٠",
        "+4930901820x1",
    ],
)
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress, match=r"E\.164"):
        phone_number(text)


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_a_header_holds_no_control_characters(character: str) -> None:
    with pytest.raises(InvalidHeader, match="The subject has a line break or control character at position 6"):
        check_header(f"Hello{character}Bcc: eve@example.com", "the subject")


def test_a_header_holds_other_characters_of_any_language() -> None:
    assert check_header("Rechnung für Ωμέγα 東京 🎉 =?utf-8?q?x?=", "the subject").startswith("Rechnung")


def test_a_header_is_at_most_a_line() -> None:
    assert check_header("x" * 998, "the subject")
    with pytest.raises(InvalidHeader, match="at most 998 characters"):
        check_header("x" * 999, "the subject")
