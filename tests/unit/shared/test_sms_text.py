"""Alphabets, lengths and segments of text messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MessageTooLarge
from shared.services.sms_text import _BASIC, _EXTENSION, LIMIT, Measured, measure


def test_the_alphabets_have_as_many_characters_as_the_standard_says() -> None:
    # 128 places: one is the escape. Of the extension those that are in use; the Euro sign came last.
    assert len(_BASIC) == 127
    assert len(_EXTENSION) == 10
    assert not _BASIC & _EXTENSION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", Measured("gsm7", 5, 1)),
        ("Grüße für 5 £", Measured("gsm7", 13, 1)),
        ("5 €", Measured("gsm7", 4, 1)),
        ("[~]", Measured("gsm7", 6, 1)),
        ("line\nline", Measured("gsm7", 9, 1)),
        ("x" * 160, Measured("gsm7", 160, 1)),
        ("x" * 161, Measured("gsm7", 161, 2)),
        ("x" * 306, Measured("gsm7", 306, 2)),
        ("x" * 307, Measured("gsm7", 307, 3)),
        ("€" * 80, Measured("gsm7", 160, 1)),
        ("ç", Measured("ucs2", 1, 1)),
        ("\t", Measured("ucs2", 1, 1)),
        ("ж" * 70, Measured("ucs2", 70, 1)),
        ("ж" * 71, Measured("ucs2", 71, 2)),
        ("ж" * 134, Measured("ucs2", 134, 2)),
        ("ж" * 135, Measured("ucs2", 135, 3)),
        ("😀", Measured("ucs2", 2, 1)),
        ("😀" * 35, Measured("ucs2", 70, 1)),
        ("x" * LIMIT, Measured("gsm7", 1600, 11)),
        ("ж" * LIMIT, Measured("ucs2", 1600, 24)),
    ],
)
def test_a_text_is_measured(text: str, expected: Measured) -> None:
    assert measure(text) == expected


def test_an_escape_is_not_parted_from_its_character() -> None:
    # 152 places, then a character of two: the first segment leaves one place empty, and the last no longer fits two.
    assert measure("x" * 152 + "€" + "x" * 152) == Measured("gsm7", 306, 3)


def test_a_surrogate_is_not_parted_from_its_other_half() -> None:
    assert measure("ж" * 66 + "😀" + "ж" * 66) == Measured("ucs2", 134, 3)


@pytest.mark.parametrize("text", ["x" * 1601, "€" * 801, "ж" * 1601, "😀" * 801])
def test_what_sns_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(MessageTooLarge, match="1600 is the most"):
        measure(text)


@given(st.text(max_size=800))
def test_segments_hold_the_text_and_none_is_needless(text: str) -> None:
    measured = measure(text)
    alone, joined = (160, 153) if measured.encoding == "gsm7" else (70, 67)
    if measured.segments == 1:
        assert measured.length <= alone
    else:
        # At most one place of each stays empty.
        assert measured.length <= measured.segments * joined
        assert measured.length > (measured.segments - 1) * (joined - 1)
