"""Text and words become paragraphs, lines and words again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.ocr.engine import Word
from workers.ocr.layout import Block, layout


def placed(text: str, *, pitch: int = 30) -> list[Word]:
    """Give each word of the text a box, 10 pixels a letter and 20 high, a line every `pitch` pixels."""
    words, top = [], 0
    for line in text.split("\n"):
        left = 0
        for token in line.split():
            words.append(Word(token, 0.9, (left, top, left + 10 * len(token), top + 20)))
            left += 10 * len(token) + 10
        top += pitch
    return words


def texts(blocks: list[Block]) -> list[list[str]]:
    return [[line.text for line in block.lines] for block in blocks]


def test_lines_and_paragraphs_are_those_of_the_text() -> None:
    text = "one two\nthree\n\nfour five six"
    blocks = layout(text, placed(text))
    assert texts(blocks) == [["one two", "three"], ["four five six"]]
    assert blocks[0].box == (0, 0, 70, 50)
    assert blocks[0].lines[1].box == (0, 30, 50, 50)


def test_two_columns_side_by_side_stay_the_lines_the_text_says() -> None:
    words = [Word("left", 1, (0, 0, 40, 20)), Word("right", 1, (60, 0, 110, 20))]
    assert texts(layout("left\n\nright", words)) == [["left"], ["right"]]


@pytest.mark.parametrize("missing", ["one", "two", "three", "four", "six"])
def test_a_word_that_the_text_lacks_goes_where_its_box_says(missing: str) -> None:
    text = "one two\nthree\n\nfour five six"
    blocks = layout(text.replace(missing, "").replace("  ", " "), placed(text))
    assert [[word for line in block for word in line.split()] for block in texts(blocks)] in (
        [["one", "two", "three"], ["four", "five", "six"]],
        [["one", "two"], ["three"], ["four", "five", "six"]],
        [["one", "two"], ["four", "five", "six"]],
    )
    assert [line for block in texts(blocks) for line in block] == ["one two", "three", "four five six"]


def test_a_word_that_only_the_text_has_moves_no_other() -> None:
    text = "one two\nthree four"
    words = [word for word in placed(text) if word.text != "two"]
    assert texts(layout(text, words)) == [["one", "three four"]]


def test_words_without_any_text_become_lines_by_their_boxes() -> None:
    text = "one two\nthree four"
    assert texts(layout("", placed(text))) == [["one two", "three four"]]


def test_text_without_words_has_no_place() -> None:
    assert layout("one two", []) == []


def test_distances_tell_the_paragraphs_of_a_text_layer() -> None:
    text = "one\ntwo\nthree\n\n\nfour\nfive"
    words = placed(text)
    assert texts(layout("one\ntwo\nthree\nfour\nfive", words)) == [["one", "two", "three"], ["four", "five"]]


def test_a_word_with_a_space_in_it_stays_one_word() -> None:
    words = [Word("New York", 1, (0, 0, 80, 20)), Word("City", 1, (90, 0, 130, 20))]
    blocks = layout("New York City", words)
    assert [word.text for word in blocks[0].lines[0].words] == ["New York", "City"]


TOKENS = st.sampled_from(["a", "b", "the", "Total:", "1.00", "\u05e9\u05dc\u05d5\u05dd", "\U0001f600"])
PAGES = st.lists(st.lists(st.lists(TOKENS, min_size=1, max_size=5), min_size=1, max_size=4), max_size=5)


@given(PAGES)
def test_what_was_written_comes_back(page: list[list[list[str]]]) -> None:
    text = "\n\n".join("\n".join(" ".join(line) for line in block) for block in page)
    expected = [[" ".join(line) for line in block] for block in page]
    found = texts(layout(text, placed(text)))
    if len(page) > 1:
        assert found == expected
    else:
        assert [line for block in found for line in block] == [line for block in expected for line in block]


@given(PAGES, st.lists(st.integers(0, 60), max_size=20), st.lists(st.integers(0, 60), max_size=20))
def test_no_word_is_lost_or_moved_whatever_the_text_lacks(
    page: list[list[list[str]]], from_text: list[int], from_words: list[int]
) -> None:
    text = "\n\n".join("\n".join(" ".join(line) for line in block) for block in page)
    words = [word for index, word in enumerate(placed(text)) if index not in from_words]
    tokens = text.split(" ")
    damaged = " ".join(token for index, token in enumerate(tokens) if index not in from_text)
    found = [word for block in layout(damaged, words) for line in block.lines for word in line.words]
    assert found == words


def test_a_page_of_the_same_word_takes_no_longer_than_others() -> None:
    words = [Word("a", 1, (0, 0, 1, 1)), *[Word("b", 1, (0, 0, 1, 1))] * 50_000]
    started = time.process_time()
    layout("x " * 50_000 + "b", words)
    assert time.process_time() - started < 5
