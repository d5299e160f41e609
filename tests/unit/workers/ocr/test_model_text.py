"""What vision models write about a page, and what they should not have."""

from __future__ import annotations

import math

import pytest

from shared.errors import UnusableAnswer
from workers.ocr.engines import model_text
from workers.ocr.engines.model_text import Page

PAGE = Page(1998, 999)


def block(what: str, box: str, text: str = "") -> str:
    return f"<|ref|>{what}<|/ref|><|det|>{box}<|/det|>\n{text}"


def test_a_grounded_block_gives_its_words_their_share_of_its_box() -> None:
    answer = block("title", "[[100, 100, 300, 200]]", "# Hello you\n") + block(
        "text", "[[0, 500, 999, 600]]", "ab\ncd ef"
    )
    found = model_text.read(answer, PAGE)
    assert found.text == "Hello you\n\nab\ncd ef"
    assert [(word.text, word.box) for word in found.words] == [
        ("Hello", (200, 100, 422, 200)),
        ("you", (466, 100, 600, 200)),
        ("ab", (0, 500, 799, 550)),
        ("cd", (0, 550, 799, 600)),
        ("ef", (1198, 550, 1998, 600)),
    ]


def test_lines_may_be_named_themselves() -> None:
    """What `OCR this image.` is answered with."""
    found = model_text.read(block("First line", "[[0, 0, 500, 50]]") + block("Second", "[[0, 60, 500, 99]]"), PAGE)
    assert found.text == "First line\nSecond"
    assert found.words[2].box == (0, 60, 1000, 99)


def test_servers_that_leave_special_tokens_out_are_understood() -> None:
    found = model_text.read("title[[100, 100, 300, 200]]\n# Hello\n\ntext[[0, 500, 999, 600]]\nworld", PAGE)
    assert found.text == "Hello\n\nworld"
    assert found.words[1].box == (0, 500, 1998, 600)


@pytest.mark.parametrize(
    "box",
    ["", "[]", "[[1, 2, 3]]", "[[9, 9, 1, 1]]", "nonsense", "[[-1e999, NaN, inf]]", "[[5, 5, 5, 5]]", "[" * 999],
)
def test_a_box_that_makes_no_sense_is_the_pages(box: str) -> None:
    (word,) = model_text.read(block("text", box, "word"), PAGE).words
    assert word.box == (0, 0, 1998, 999)


def test_boxes_stay_on_the_page() -> None:
    (word,) = model_text.read(block("text", "[[900, 900, 99999, 1200]]", "word"), PAGE).words
    assert word.box == (1800, 900, 1998, 999)
    (word,) = model_text.read(block("text", "[[900, 900, 999, 999]]", "word"), Page(1, 1)).words
    assert word.box == (0, 0, 1, 1)


def test_several_boxes_of_a_block_are_one() -> None:
    (word,) = model_text.read(block("text", "[[0, 0, 9, 9], [990, 990, 999, 999]]", "word"), PAGE).words
    assert word.box == (0, 0, 1998, 999)


def test_a_picture_has_no_words() -> None:
    assert model_text.read(block("image", "[[0, 0, 9, 9]]") + block("text", "[[0, 0, 9, 9]]", "a"), PAGE).text == "a"


def test_plain_answers_have_paragraphs_and_the_pages_box() -> None:
    found = model_text.read("One two\nthree\n\n\nfour", PAGE)
    assert found.text == "One two\nthree\n\nfour"
    assert {word.box for word in found.words} == {(0, 0, 1998, 999)}
    assert found.confidence == model_text.UNKNOWN_CONFIDENCE


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("```markdown\n# Title\n```", "Title"),
        ("**Sum** of __all__, 2 ** 3", "Sum of all, 2 3"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a b\n1 2"),
        ("<table><tr><td>a</td><td>b &amp; c</td></tr><tr><td>1 &lt; 2</td></tr></table>", "a b & c\n1 < 2"),
        ("![](x.png)\n> quoted", "quoted"),
        ("nul\x00 and \ud800 surrogate", "nul and surrogate"),
        ("a <|grounding|>b<\uff5cend\u2581of\u2581sentence\uff5c>", "a b"),
        ("5 | 6\n- an item", "5 | 6\n- an item"),
        ("", ""),
        ("  \n\n ", ""),
    ],
)
def test_marks_are_no_words(written: str, text: str) -> None:
    found = model_text.read(written, PAGE)
    assert found.text == text
    assert [word.text for word in found.words] == text.split()


def test_each_block_is_as_sure_as_its_tokens() -> None:
    one, two = block("text", "[[0, 0, 9, 9]]", "sure\n"), block("text", "[[0, 20, 9, 29]]", "unsure")
    tokens = [(one, math.log(0.9)), (two[:-6], math.log(0.9)), ("unsure", math.log(0.25))]
    found = model_text.read(one + two, PAGE, tokens)
    assert [word.confidence for word in found.words] == [0.9, pytest.approx(math.sqrt(0.25 * 0.9), abs=1e-4)]


def test_tokens_that_do_not_make_up_the_answer_speak_for_all_of_it() -> None:
    found = model_text.read("a b", PAGE, [("x", math.log(0.5)), ("yy", math.log(0.5)), ("z", math.log(0.5))])
    assert {word.confidence for word in found.words} == {0.5}


@pytest.mark.parametrize(
    "answer",
    [
        "A page. " + "and so on " * 100,
        "x" * 700,
        "text\n" + "| 0 | 0 |\n" * 200,
        "".join(block("same", f"[[0, {y}, 9, {y + 1}]]") + "\n" for y in range(60)),
        "ab" * 200_000,
    ],
)
def test_loops_are_no_text(answer: str) -> None:
    with pytest.raises(UnusableAnswer):
        model_text.read(answer, PAGE)


def test_what_pages_do_repeat_is_no_loop() -> None:
    rows = "\n".join(f"Item {row} .......... 1.00" for row in range(300))
    assert len(model_text.read(rows, PAGE).words) == 300 * 4
    form = "\n".join(f"{field} ____________________" for field in ("Name", "Street", "City"))
    assert model_text.read(form + "\n" + "_" * 80, PAGE).words


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that image.",
        "I cannot assist with this request.",
        "I\u2019m unable to read the image",
    ],
)
def test_refusals_are_no_text(answer: str) -> None:
    with pytest.raises(UnusableAnswer):
        model_text.read(answer, PAGE)


def test_letters_of_apology_are_text() -> None:
    assert model_text.read("I am sorry to hear of your loss. Yours, Ann", PAGE).words


def test_hostile_markup_takes_no_time() -> None:
    for answer in (
        "<|ref|>" * 20_000,
        "<|ref|>a<|/ref|>" * 10_000,
        "[[" * 50_000 + "x",
        "<" * 100_000 + "x",
        "**a" * 50_000,
    ):
        try:
            model_text.read(answer, PAGE)
        except UnusableAnswer:
            continue
