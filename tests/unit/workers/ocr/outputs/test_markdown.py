"""Markdown: what is sure to be a heading, a list or a table is one, and nothing that is printed is taken for markup."""

from __future__ import annotations

from hypothesis import given
from markdown_it import MarkdownIt

from tests.unit.workers.ocr.outputs.pages import ANY_LINES, FAILED, page, placed
from workers.ocr.engine import Word
from workers.ocr.outputs import markdown
from workers.ocr.outputs.stored import StoredPage

READER = MarkdownIt("commonmark").enable("table")


def written(*pages: StoredPage) -> str:
    return "".join(markdown.write("", pages))


def shown(text: str) -> tuple[list[str], str]:
    """The kinds of blocks a reader sees, and the words in them."""
    tokens = READER.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    kinds = [token.type for token in tokens if token.nesting >= 0 and token.type != "inline"]
    words = "".join(" " if child.type in {"softbreak", "hardbreak"} else child.content for child in inline)
    return kinds, words


def tight(words: list[str]) -> list[tuple[str, int]]:
    """Words one letter apart, with their left edges."""
    return [(word, 10 * len(" ".join([*words[:index], ""]))) for index, word in enumerate(words)]


def large(text: str, height: int) -> StoredPage:
    title = [Word(word, 0.9, (100 * index, 0, 100 * index + 90, height)) for index, word in enumerate(text.split())]
    body = "these lines are what the page has to say\n" * 4
    below = placed([tight(line.split()) for line in body.splitlines()])
    words = [Word(word.text, 0.9, (word.box[0], word.box[1] + 200, word.box[2], word.box[3] + 200)) for word in below]
    return page(f"{text}\n\n{body}", [*title, *words])


def test_a_line_of_larger_type_is_a_heading() -> None:
    assert written(large("Annual Report", 40)).startswith("# Annual Report\n\nthese lines")
    assert written(large("Annual Report", 31)).startswith("## Annual")
    assert written(large("Annual Report", 27)).startswith("### Annual")
    assert written(large("Annual Report", 24)).startswith("Annual Report\n")


def test_large_figures_and_large_sentences_are_no_headings() -> None:
    assert not written(large("12.50", 40)).startswith("#")
    assert not written(large("a b c d e f g h i j k l m", 40)).startswith("#")


def test_bullets_and_numbers_that_count_are_lists() -> None:
    assert written(page("\u2022 one\nmore of it\n\u2022 two")) == "- one\n  more of it\n- two\n"
    assert written(page("1. one\n2. two")) == "1. one\n2. two\n"
    assert written(page("Bring:\n- milk\n- tea")) == "Bring:\n\n- milk\n- tea\n"


def test_numbers_that_do_not_count_stay_what_is_printed() -> None:
    assert written(page("3. one\n7. two")) == "3\\. one\n7\\. two\n"


TABLE = [
    [("Item", 0), ("Number", 300), ("Price", 600)],
    [("Apples", 0), ("2", 350), ("3.00", 610)],
    [("Old", 0), ("pears", 40), ("10", 340), ("12.50", 600)],
]


def test_aligned_columns_are_a_table() -> None:
    words = placed(TABLE)
    text = "\n".join(" ".join(word for word, _ in line) for line in TABLE)
    assert written(page(text, words)) == (
        "| Item | Number | Price |\n| --- | --- | --- |\n| Apples | 2 | 3.00 |\n| Old pears | 10 | 12.50 |\n"
    )


def test_two_rows_or_crooked_columns_or_sentences_are_no_table() -> None:
    for lines in (
        TABLE[:2],
        [TABLE[0], [("Apples", 60), ("2", 350), ("3.00", 640)], TABLE[2]],
        [[(f"w{column}", 30 * column + (400 if column > 5 else 0)) for column in range(10)]] * 4,
    ):
        text = "\n".join(" ".join(word for word, _ in line) for line in lines)
        assert "|" not in written(page(text, placed(lines)))


def test_pages_are_parted_and_one_that_failed_is_named() -> None:
    text = written(page("one"), FAILED, page("three", number=3))
    assert text == "one\n\n---\n\n<!-- page 2 could not be read: page_timeout -->\n\n---\n\nthree\n"


@given(ANY_LINES)
def test_what_is_printed_is_what_is_shown(lines: list[list[str]]) -> None:
    words = [
        Word(word, 0.5, (100 * column, 40 * row, 100 * column + 90, 40 * row + 20))
        for row, line in enumerate(lines)
        for column, word in enumerate(line)
    ]
    text = "\n".join(" ".join(line) for line in lines)
    kinds, found = shown(written(page(text, words)))
    listed = {"bullet_list_open", "ordered_list_open", "list_item_open", "paragraph_open"}
    assert set(kinds) <= listed
    if set(kinds) == {"paragraph_open"}:
        assert found.split() == text.replace("\0", "\ufffd").split()


def test_a_bar_in_a_cell_makes_no_column() -> None:
    lines = [[("a|b", 0), ("Number", 300)], [("c", 0), ("2", 300)], [("d", 0), ("3", 300)]]
    text = "\n".join(" ".join(word for word, _ in line) for line in lines)
    assert written(page(text, placed(lines))).startswith("| a\\|b | Number |\n")
