"""What Textract finds on a page, as words and lines of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.errors import AnswerLost, EngineRefused, EngineUnavailable
from tests.support.textract_blocks import page_blocks
from workers.ocr.engine import OcrOptions, PageImage
from workers.ocr.engines.textract import TextractEngine, page_text


def test_words_stand_in_lines_with_boxes_in_pixels() -> None:
    found = page_text(page_blocks(["One two", "three"]), 1000, 500, 1500)
    assert (found.text, found.micros) == ("One two\nthree", 1500)
    assert [(word.text, word.box, word.confidence) for word in found.words] == [
        ("One", (0, 50, 90, 90), 0.975),
        ("two", (100, 50, 190, 90), 0.975),
        ("three", (0, 100, 90, 140), 0.975),
    ]


def test_a_gap_or_another_column_begins_a_paragraph() -> None:
    blocks = page_blocks(["a", "b"], top=0.1) + page_blocks(["c"], top=0.5) + page_blocks(["d"], top=0.1)
    assert page_text(blocks, 1000, 1000, 0).text == "a\nb\n\nc\n\nd"


def test_a_blank_page_is_a_page() -> None:
    found = page_text(page_blocks([]), 10, 10, 0)
    assert (found.text, found.words, found.confidence) == ("", [], None)


def altered(**fields: Any) -> list[dict[str, Any]]:
    """A page with one word that is not as it should be."""
    blocks = page_blocks(["word"])
    blocks[-1] |= fields
    return blocks


@pytest.mark.parametrize(
    "box",
    [
        {"Left": -0.5, "Top": 0.2, "Width": 2, "Height": 0.1},
        {"Left": 0.5, "Top": 1.2, "Width": 0, "Height": 0},
        {"Left": 1, "Top": 1, "Width": -1, "Height": -1},
    ],
)
def test_boxes_stay_on_the_page(box: dict[str, float]) -> None:
    (word,) = page_text(altered(Geometry={"BoundingBox": box}), 100, 100, 0).words
    left, top, right, bottom = word.box
    assert 0 <= left < right <= 100
    assert 0 <= top < bottom <= 100


@pytest.mark.parametrize(
    "blocks",
    [
        [{"BlockType": "LINE"}],
        [{"Id": "1"}],
        [None],
        altered(Geometry=None),
        altered(Confidence="very"),
        altered(Geometry={"BoundingBox": {"Left": "x", "Top": 0, "Width": 0, "Height": 0}}),
        altered(Geometry={"BoundingBox": {"Left": float("nan"), "Top": 0, "Width": 0, "Height": 0}}),
        [block for block in page_blocks(["word"]) if block["BlockType"] != "WORD"],
    ],
)
def test_what_makes_no_sense_is_no_answer(blocks: list[Any]) -> None:
    with pytest.raises(AnswerLost):
        page_text(blocks, 100, 100, 0)


def test_a_page_beyond_its_limits_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.png"
    file.write_bytes(b"\x89PNG" + bytes(11_000_000))
    with pytest.raises(EngineUnavailable, match="TEXTRACT_ENABLED"):
        TextractEngine().read(PageImage(file, 100, 100, 300), OcrOptions())
    monkeypatch.setenv("TEXTRACT_ENABLED", "true")
    with pytest.raises(EngineRefused, match=r"11\.0 MB"):
        TextractEngine().read(PageImage(file, 100, 100, 300), OcrOptions())
    file.write_bytes(b"\x89PNG")
    with pytest.raises(EngineRefused, match="10001 x 100"):
        TextractEngine().read(PageImage(file, 10001, 100, 300), OcrOptions())
