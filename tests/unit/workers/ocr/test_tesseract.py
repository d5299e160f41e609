"""Tesseract: what it is given, what becomes of what it says, and how it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import EngineFailed, EngineUnavailable, UnknownLanguage
from tests.unit.workers.ocr.making import page_image, program, saved, text_image
from workers.ocr.engine import OcrOptions, PageImage
from workers.ocr.engines.tesseract import TesseractEngine

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
ASKED_FOR_PACKS = '[ "$1" = --list-langs ] && exec tesseract "$@"\n'


@pytest.fixture
def page(tmp_path: Path) -> PageImage:
    image = text_image("Hello world")
    return PageImage(saved(image, tmp_path / "page.pgm"), image.width, image.height, 300)


def speaks(tsv: str, tmp_path: Path) -> str:
    """A program that writes this TSV whatever it is shown, and its arguments beside it."""
    (tmp_path / "said").write_text(HEADER + tsv)
    script = f'{ASKED_FOR_PACKS}cp {tmp_path / "said"} "$2.tsv"\necho "$@" > {tmp_path / "arguments"}\n'
    return str(program(tmp_path / "speaks", script))


def test_text_is_put_together_from_lines_paragraphs_and_blocks(
    page: PageImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tsv = (
        "1\t1\t0\t0\t0\t0\t0\t0\t1200\t300\t-1\t\n"
        "4\t1\t1\t1\t1\t0\t0\t0\t90\t20\t-1\t\n"
        "5\t1\t1\t1\t1\t1\t10\t20\t30\t40\t91.5\tDear\n"
        "5\t1\t1\t1\t1\t2\t50\t20\t30\t40\t88\tSir\n"
        '5\t1\t1\t1\t2\t1\t10\t70\t30\t40\t80\t"quoted\n'
        "5\t1\t1\t2\t1\t1\t10\t170\t30\t40\t70\tNew\n"
        "5\t1\t1\t2\t1\t2\t50\t170\t30\t40\t95\t \n"
        "5\t1\t1\t2\t1\t3\t90\t170\t30\t40\t-1\tghost\n"
        "5\t1\t2\t1\t1\t1\t10\t270\t30\t40\t0\tBlock\n"
    )
    monkeypatch.setenv("TESSERACT_CMD", speaks(tsv, tmp_path))
    found = TesseractEngine().read(page, OcrOptions())
    assert found.text == 'Dear Sir\n"quoted\n\nNew\n\nBlock'
    assert found.words[0].box == (10, 20, 40, 60)
    assert [word.confidence for word in found.words] == [0.915, 0.88, 0.8, 0.7, 0.0]


def test_it_is_called_once_with_the_file_the_resolution_and_the_languages(
    page: PageImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERACT_CMD", speaks("", tmp_path))
    assert TesseractEngine().read(page, OcrOptions(("eng",))).text == ""
    [call] = (tmp_path / "arguments").read_text().splitlines()
    assert call.startswith(str(page.path))
    assert "--dpi 300" in call
    assert "-l eng" in call


def test_a_missing_program_is_named(page: PageImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERACT_CMD", "/nowhere/tesseract")
    for call in (
        TesseractEngine().version,
        TesseractEngine().languages,
        lambda: TesseractEngine().read(page, OcrOptions()),
    ):
        with pytest.raises(EngineUnavailable, match="/nowhere/tesseract"):
            call()


def test_a_missing_pack_is_named_even_beside_one_that_is_there(page: PageImage) -> None:
    with pytest.raises(UnknownLanguage, match=r"xyz here; installed: .*eng"):
        TesseractEngine().read(page, OcrOptions(("eng", "xyz")))


def test_its_last_words_are_passed_on_when_it_fails(
    page: PageImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ASKED_FOR_PACKS + "echo first >&2; echo 'Image too small to scale!!' >&2; exit 3\n"
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "fails", script)))
    with pytest.raises(EngineFailed, match=r"status 3: .*Image too small to scale!!"):
        TesseractEngine().read(page, OcrOptions())


def test_a_killed_program_is_a_failure(page: PageImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "dies", ASKED_FOR_PACKS + "kill -9 $$\n")))
    with pytest.raises(EngineFailed, match="-9"):
        TesseractEngine().read(page, OcrOptions())


def test_nonsense_instead_of_a_table_is_a_failure(
    page: PageImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERACT_CMD", speaks("5\t1\t1\t1\t1\t1\tleft\t20\t30\t40\t91.5\tDear\n", tmp_path))
    with pytest.raises(EngineFailed, match="table"):
        TesseractEngine().read(page, OcrOptions())


def test_it_knows_its_version_and_packs() -> None:
    assert TesseractEngine().version()[0].isdigit()
    packs = TesseractEngine().languages()
    assert "eng" in packs
    assert "osd" not in packs
    assert list(packs) == sorted(packs)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_it_tells_how_far_a_page_must_be_turned(turn: int, tmp_path: Path) -> None:
    image = page_image().rotate(turn, expand=True, fillcolor=255)
    page = PageImage(saved(image, tmp_path / "page.pgm"), image.width, image.height, 150)
    assert TesseractEngine().orientation(page) == turn


def test_a_page_without_text_stays_as_it_is(tmp_path: Path) -> None:
    image = text_image("")
    page = PageImage(saved(image, tmp_path / "page.pgm"), image.width, image.height, 150)
    assert TesseractEngine().orientation(page) == 0
