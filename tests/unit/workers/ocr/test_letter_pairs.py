"""Text that is text in any language, and letters that are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile_text import HONEST, LANGUAGES, RUBBISH, shifted
from workers.ocr.letter_pairs import plausible


@pytest.mark.parametrize("kind", HONEST)
def test_honest_text_is_plausible_in_any_language(kind: str) -> None:
    assert plausible(HONEST[kind])
    assert plausible(3 * HONEST[kind])


@pytest.mark.parametrize("kind", RUBBISH)
def test_what_broken_fonts_make_of_it_is_not(kind: str) -> None:
    assert not plausible(RUBBISH[kind])


@pytest.mark.parametrize("text", ["", " ", "7", "XQZ", "qxz " * 5])
def test_few_letters_prove_nothing(text: str) -> None:
    assert plausible(text)


@given(st.text(max_size=3000))
def test_any_text_has_an_answer(text: str) -> None:
    assert plausible(text) in {True, False}


def test_lone_surrogates_have_one_too() -> None:
    assert plausible("\ud800" * 300)


def test_part_numbers_beside_words_do_not_spoil_them() -> None:
    numbers = " ".join(f"QXZ{number}KJVW" for number in range(80))
    assert plausible(f"{numbers} {LANGUAGES['English']}")
    assert not plausible(f"{numbers} {shifted(LANGUAGES['English'], 3)}")
