"""All fields together, on invoices of several countries and layouts, and on what is no invoice at all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import invoices
from tests.support.printed import born_digital, page
from workers.extraction.fields import Invoice, PageWords, extract
from workers.extraction.rows import rows
from workers.ocr.engine import Word

_WORDS = 20_000
_SECONDS = 6.0


@pytest.mark.parametrize("made", invoices.ALL, ids=lambda made: made.name)
def test_an_invoice_says_what_it_was_made_to_say(made: invoices.Made, tmp_path: Path) -> None:
    found = extract(born_digital(made.pdf(), tmp_path))
    values = {name: getattr(getattr(found, name), "value", None) for name in made.expected}
    assert values == made.expected
    assert len(found.lines) == len(made.items)


def test_a_field_shows_where_it_stands() -> None:
    found = extract([page("Lily Bakery", number=1), page("Total  EUR 7.00", number=2)]).total
    assert found is not None
    assert found.box is not None
    assert (found.page, found.text, found.box[1]) == (2, "EUR 7.00", 40)


def test_the_currency_is_the_totals() -> None:
    found = extract([page("USD 1 is EUR 0.90", "Total  EUR 7.00")]).currency
    assert found is not None
    assert found.value == "EUR"


def test_a_slanting_row_is_one_row() -> None:
    words = [
        Word(text, 1.0, (x, y + x // 40, x + 60, y + 20 + x // 40))
        for y, line in ((100, ("Lily", "Bakery", "and", "sons")), (140, ("TOTAL",)), (170, ("CASH",)))
        for x, text in zip(range(0, 280, 70), line, strict=False)
    ]
    prices = [Word("7.00", 1.0, (900, 162, 960, 182)), Word("10.00", 1.0, (900, 192, 960, 212))]
    found = rows([PageWords(1, 1000, 400, "", [*words, *prices])])
    assert [row.text for row in found] == ["Lily Bakery and sons", "TOTAL 7.00", "CASH 10.00"]


@pytest.mark.parametrize("pages", [[], [page()], [page(""), page("")]])
def test_blank_pages_have_no_fields(pages: list[PageWords]) -> None:
    assert extract(pages) == Invoice()


@pytest.mark.parametrize(
    "word",
    [
        "1",
        "1.1",
        "12/",
        "1,",
        "DE12",
        "A1",
        "(",
        "- ",
        "5.00",
        "TOTAL",
        "GMBH",
        "JALAN",
        "NO.",
        "OCT",
        "GST",
        "INVOICE",
        "·",
    ],
)
def test_a_line_of_endless_words_takes_no_endless_time(word: str) -> None:
    words = [Word(word, 0.9, (12 * number, 10, 12 * number + 10, 20)) for number in range(_WORDS)]
    began = time.process_time()
    extract([PageWords(1, 1000, 1400, "", words)])
    assert time.process_time() - began < _SECONDS


def test_one_word_of_a_million_letters_takes_no_time() -> None:
    began = time.process_time()
    extract([PageWords(1, 1000, 1400, "", [Word("1" * 1_000_000, 0.9, (0, 0, 900, 20))])])
    assert time.process_time() - began < _SECONDS


_BOX = st.tuples(*[st.integers(-50, 2000)] * 4)
_TEXT = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[0-9OlS]{1,4}[./, -][0-9]{2}([./-][0-9]{2,4})?", fullmatch=True),
    st.sampled_from(["TOTAL", "GST", "6%", "CASH", "Invoice", "No:", "IBAN", "GmbH", "Jalan", "12345", "QTY", "PRICE"]),
)


@given(st.lists(st.builds(Word, _TEXT, st.floats(0, 1), _BOX), max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_words_make_it_fail(words: list[Word]) -> None:
    found = extract([PageWords(1, 1000, 1400, "", words)])
    fields = [getattr(found, name) for name in ("supplier", "total", "tax", "date", "iban", "vat_id", "invoice_number")]
    assert all(0 <= field.confidence <= 1 for field in fields if field)
