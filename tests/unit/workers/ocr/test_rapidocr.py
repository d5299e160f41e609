"""The engine `rapidocr`, on pages drawn here and on the project's samples."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from infra import samples
from shared.errors import EngineFailed, EngineUnavailable, UnknownLanguage
from tests.unit.workers.ocr.making import text_image
from workers.ocr import guard
from workers.ocr.engine import OcrOptions, PageImage, PageText
from workers.ocr.engines.rapidocr import RapidOcrEngine, models

SENTENCE = "The treasurer keeps the books"


@pytest.fixture(scope="module")
def engine() -> RapidOcrEngine:
    return RapidOcrEngine()


def read(engine: RapidOcrEngine, image: Image.Image) -> PageText:
    page = PageImage(Path("page.bmp"), image.width, image.height, 200, image.convert("L"))
    return engine.read(page, OcrOptions())


def sample(name: str) -> Image.Image:
    return Image.open(samples.path(name))


def receipt_lines() -> Image.Image:
    """Labels at the left, amounts at the right, as on a receipt."""
    image = Image.new("L", (900, 500), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(34)
    for row, (label, amount) in enumerate((("COFFEE BEANS", "12.50"), ("GREEN TEA", "7.95"), ("TOTAL", "20.45"))):
        draw.text((40, 60 + 70 * row), label, font=font, fill=0)
        draw.text((720, 60 + 70 * row), amount, font=font, fill=0)
    return image


def test_a_letter_is_read_word_for_word(engine: RapidOcrEngine) -> None:
    found = read(engine, sample("letter-scan.png"))
    assert samples.word_recall(samples.expected_text("letter-scan.png"), found.text) >= 0.98
    assert found.text.split() == [word.text for word in found.words]
    assert "\n\n" in found.text
    assert found.confidence is not None
    assert found.confidence > 0.95


def test_a_photographed_receipt_is_read(engine: RapidOcrEngine) -> None:
    found = read(engine, sample("receipt-photo.jpg"))
    assert samples.word_recall(samples.expected_text("receipt-photo.jpg"), found.text) >= 0.9


def test_what_stands_side_by_side_is_one_row(engine: RapidOcrEngine) -> None:
    assert read(engine, receipt_lines()).text.split("\n") == ["COFFEE BEANS 12.50", "GREEN TEA 7.95", "TOTAL 20.45"]


def test_boxes_are_those_of_the_ink(engine: RapidOcrEngine) -> None:
    image = text_image(SENTENCE)
    font = ImageFont.load_default(48)
    words = read(engine, image).words
    assert [word.text for word in words] == SENTENCE.split()
    start = 50.0
    for word in words:
        left, top, right, bottom = ImageDraw.Draw(image).textbbox((start, 50), word.text, font=font)
        assert word.box == pytest.approx((left, top, right, bottom), abs=9), word.text
        start += font.getlength(f"{word.text} ")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_page_reads_the_same_and_its_boxes_lie_on_it_as_it_is(engine: RapidOcrEngine, degrees: int) -> None:
    lines = f"{SENTENCE}\nand none of them is missing\nsince the fire of that winter"
    upright = text_image(lines, (1000, 400))
    turned = upright.rotate(degrees, expand=True)
    found = read(engine, turned)
    assert found.text == lines
    for word in found.words:
        left, top, right, bottom = word.box
        assert (right - left > bottom - top) == (degrees == 180) or len(word.text) < 4
        assert turned.crop(word.box).getextrema()[0] < 128  # type: ignore[operator]  # there is ink in the box


def test_a_leaning_line_is_read(engine: RapidOcrEngine) -> None:
    leaning = text_image(SENTENCE, (1000, 300)).rotate(7, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    assert read(engine, leaning).text == SENTENCE


def test_tiny_print_on_a_very_large_page_is_read(engine: RapidOcrEngine) -> None:
    plan = Image.new("L", (4000, 3000), 255)
    draw, font = ImageDraw.Draw(plan), ImageFont.load_default(20)
    for left, top in ((300, 300), (2200, 2230), (2600, 700)):  # the second lies across a seam of the tiles
        draw.multiline_text((left, top), "\n".join([SENTENCE] * 6), font=font, fill=0, spacing=12)
    found = read(engine, plan).text.replace("\n\n", "\n").split("\n")
    assert found.count(SENTENCE) >= 16


def test_it_names_the_languages_it_reads(engine: RapidOcrEngine) -> None:
    assert {"chi_sim", "deu", "eng", "jpn"} <= set(engine.languages())
    assert "rus" not in engine.languages()


@pytest.mark.parametrize(
    ("language", "alphabet"), [("deu", "äöüßÄÖÜ"), ("fra", "àâæçéèêëîïôœùûÿ"), ("pol", "ąćęłńóśźż")]
)
def test_the_dictionary_has_the_letters_of_its_languages(language: str, alphabet: str, engine: RapidOcrEngine) -> None:
    assert language in engine.languages()
    assert set(alphabet) <= set(models.load().characters)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (31, 33), (9000, 12), (12, 9000)])
@pytest.mark.parametrize("dotted", [False, True])
def test_no_size_is_too_odd(engine: RapidOcrEngine, size: tuple[int, int], dotted: bool) -> None:  # noqa: FBT001
    image = Image.new("L", size, 255)
    if dotted:
        image.putpixel((0, 0), 0)
    assert read(engine, image) == PageText("")


def test_a_blank_page_never_reaches_the_models(monkeypatch: pytest.MonkeyPatch, engine: RapidOcrEngine) -> None:
    monkeypatch.setattr("workers.ocr.engines.rapidocr.pipeline.detect", None)
    assert read(engine, Image.new("L", (2480, 3508), 250)) == PageText("")


def test_a_language_it_was_not_taught_is_refused(engine: RapidOcrEngine) -> None:
    page = PageImage(Path("page.bmp"), 10, 10, 200, Image.new("L", (10, 10)))
    with pytest.raises(UnknownLanguage, match="does not read rus"):
        engine.read(page, OcrOptions(("eng", "rus")))


def test_failing_models_fail_the_page(engine: RapidOcrEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        message = "no such primitive"
        raise RuntimeError(message)

    monkeypatch.setattr("workers.ocr.engines.rapidocr.pipeline.detect", broken)
    with pytest.raises(EngineFailed, match="no such primitive"):
        read(engine, text_image(SENTENCE))


def test_without_the_package_there_is_no_engine(engine: RapidOcrEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(models, "version", missing)
    with pytest.raises(EngineUnavailable, match="Install the package `rapidocr`"):
        engine.version()


def test_without_its_models_there_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "RECOGNISER", "of-another-version.onnx")
    with pytest.raises(EngineUnavailable, match=r"comes without of-another-version\.onnx"):
        models.load()


def test_a_forked_process_reads_with_what_was_prepared_below_its_limit_of_memory(engine: RapidOcrEngine) -> None:
    engine.prepare()
    page = Image.new("L", (10_000, 10_000), 255)
    page.paste(text_image("\n".join([SENTENCE] * 4), (4000, 1600), 200), (400, 400))
    assert in_a_child(lambda: SENTENCE in read(engine, page).text)


def in_a_child(check: Callable[[], bool]) -> bool:
    """Run a check in a forked process that may take as much memory as a reading process."""
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (guard.MEMORY_BYTES, guard.MEMORY_BYTES))
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
