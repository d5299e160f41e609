"""TSV with tesseract's columns."""

from __future__ import annotations

from hypothesis import given

from tests.unit.workers.ocr.outputs.pages import ANY_LINES, FAILED, page
from workers.ocr.engine import Word
from workers.ocr.outputs import tsv


def rows(*pages: object) -> list[list[str]]:
    return [line.split("\t") for line in "".join(tsv.write("", pages)).splitlines()]  # type: ignore[arg-type]


def test_every_level_has_its_row_and_words_their_confidence() -> None:
    head, *body = rows(page("one two\n\nthree"), FAILED)
    assert head[0] == "level"
    assert head[-2:] == ["conf", "text"]
    assert [row[0] for row in body] == ["1", "2", "3", "4", "5", "5", "2", "3", "4", "5", "1"]
    assert body[5] == ["5", "1", "1", "1", "1", "2", "100", "0", "90", "20", "90.00", "two"]
    assert body[-1] == ["1", "2", "0", "0", "0", "0", "0", "0", "0", "0", "-1", ""]


@given(ANY_LINES)
def test_no_word_breaks_a_row(lines: list[list[str]]) -> None:
    words = [Word(f"{word}\t\n", 0.5, (0, 0, 1, 1)) for line in lines for word in line]
    written = "".join(tsv.write("", [page("", words)]))
    assert {line.count("\t") for line in written.rstrip("\n").split("\n")} == {11}
