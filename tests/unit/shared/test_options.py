"""What a user may ask, and how page ranges and file names are read."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import InvalidFilename, InvalidPageRange, PageOutOfRange
from shared.services import page_range
from shared.services.options import READING, DocumentOptions, clean_filename

PASSWORD = "opens the file"  # noqa: S105  # of no account

spans = st.tuples(st.integers(1, 500), st.integers(0, 20), st.booleans()).map(
    lambda span: (span[0], span[0] + span[1] if span[2] else None)
)

# --- options


@pytest.mark.parametrize(
    "options",
    [
        {"languages": ""},
        {"languages": "eng+"},
        {"languages": "../eng"},
        {"languages": "+".join(["eng"] * 11)},
        {"text_layer": "maybe"},
        {"priority": 0},
        {"priority": 11},
        {"password": ""},
        {"password": "a\x00b"},
        {"metadata": {"a": "x" * 20_000}},
        {"metadata": {"a": "\x00"}},
        {"metadata": {"a": "\ud800"}},
        {"metadata": {"a": float("nan")}},
        {"unheard_of": 1},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DocumentOptions(**options)


def test_languages_keep_their_order_each_once() -> None:
    assert DocumentOptions(languages="deu+eng+deu").languages == "deu+eng"


def test_a_backslash_is_no_nul() -> None:
    assert DocumentOptions(metadata={"path": "a\\u0000b"}).metadata == {"path": "a\\u0000b"}


def test_urgent_is_priority_ten() -> None:
    assert DocumentOptions(urgent=True, priority=2).effective_priority == 10
    assert DocumentOptions(priority=2).effective_priority == 2


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"priority": 9, "urgent": True, "metadata": {"a": 1}}, True),
        ({"languages": "deu"}, False),
        ({"pages": "1"}, False),
        ({"password": "secret"}, False),
        ({"clean": True}, False),
        ({"text_layer": "ignore"}, False),
    ],
)
def test_what_changes_the_result_changes_the_content_key(options: dict[str, Any], *, same: bool) -> None:
    plain = DocumentOptions().content_key("0" * 64)
    assert (DocumentOptions(**options).content_key("0" * 64) == plain) is same
    assert DocumentOptions().content_key("1" * 64) != plain


def test_a_worker_gets_what_changes_the_reading_and_no_password() -> None:
    assert set(DocumentOptions(password=PASSWORD).reading()) == READING


# --- page ranges


@pytest.mark.parametrize(
    ("text", "pages"),
    [(None, [1, 2, 3, 4, 5]), ("1-3,5", [1, 2, 3, 5]), ("4-", [4, 5]), ("5,1,1-2", [1, 2, 5]), ("5-", [5])],
)
def test_a_range_names_pages_ascending_each_once(text: str | None, pages: list[int]) -> None:
    assert page_range.resolve(text, 5) == pages


@pytest.mark.parametrize("text", ["6", "4-6", "6-", "1,999999"])
def test_pages_past_the_end_are_refused(text: str) -> None:
    with pytest.raises(PageOutOfRange):
        page_range.resolve(text, 5)


@pytest.mark.parametrize(
    "text", ["", ",", "0", "-3", "3-1", "1--2", "a", "1.5", "01", "1,", "٣", "1" * 1001, "9999999"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidPageRange):
        page_range.check(text)


@given(st.lists(spans, min_size=1, max_size=20))
def test_every_range_people_write_resolves_to_its_pages(parts: list[tuple[int, int | None]]) -> None:
    text = ", ".join(str(first) if last is None else f"{first}-{last}" for first, last in parts)
    wanted = {page for first, last in parts for page in range(first, (last or first) + 1)}
    assert page_range.resolve(page_range.check(text), 1000) == sorted(wanted)


@given(st.text(alphabet="0123456789-, x", max_size=40))
def test_what_check_lets_through_resolve_understands(text: str) -> None:
    try:
        checked = page_range.check(text)
    except InvalidPageRange:
        return
    assert page_range.check(checked) == checked
    pages = page_range.resolve(checked, 999_999)
    assert pages == sorted(set(pages))


# --- file names


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\a.png", "a.png"),
        (" a b.png ", "a b.png"),
        ("e\u0301.png", "é.png"),
    ],
)
def test_a_name_is_its_last_component(given_name: str, kept: str) -> None:
    assert clean_filename(given_name) == kept


@pytest.mark.parametrize("name", ["", ".", "..", "a/", " ", "a\x00.png", "a\nb", "\ud800", "x" * 256])
def test_a_name_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidFilename):
        clean_filename(name)


@given(st.text(max_size=300))
def test_whatever_a_client_sends_a_name_is_safe_or_refused(name: str) -> None:
    try:
        kept = clean_filename(name)
    except InvalidFilename:
        return
    assert 0 < len(kept) <= 255
    assert not set(kept) & {"/", "\\", "\x00", "\n"}
    assert kept not in {".", ".."}
    assert clean_filename(kept) == kept == unicodedata.normalize("NFC", kept)
