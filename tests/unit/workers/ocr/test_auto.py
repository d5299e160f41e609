"""Which engine reads a page, what makes its result doubtful, and what happens then; with real engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from shared.errors import EngineFailed, EngineUnavailable, UnknownLanguage
from tests.unit.workers.ocr.making import LIMITS, page_image, program, saved, text_image
from workers.ocr import appearance, auto, doubts, engines
from workers.ocr.engine import OcrOptions, PageImage, PageText, Word
from workers.ocr.engines.tesseract import packs
from workers.ocr.forking import forking
from workers.ocr.pages import Attempt, ReadOptions
from workers.ocr.sandbox import PageRead, Reader

LOADING_MS = 300
"""Loading rapidocr's models takes more CPU time than this anywhere; measured 600."""

SENTENCE = "The committee met on the fourth of March to review the"


def page_of(image: Image.Image, tmp_path: Path, dpi: int = 150) -> PageImage:
    return PageImage(tmp_path / "page.bmp", image.width, image.height, dpi, image)


def read(image: Image.Image, tmp_path: Path, **options: Any) -> auto.Reading:
    return auto.read(page_of(image, tmp_path), ReadOptions(**options))


def soft(page: Image.Image) -> Image.Image:
    """The page out of focus, on grey paper, as a phone sees it."""
    return page.filter(ImageFilter.GaussianBlur(2)).point(lambda grey: 60 + grey * 130 // 255)


class Failing:
    """An engine that fails as the test says."""

    name = "failing"
    remote = False
    error: Exception = EngineFailed("The glyphs are on fire.")

    def version(self) -> str:
        """Some version."""
        return "1"

    def languages(self) -> tuple[str, ...]:
        """All languages."""
        return ()

    def prepare(self) -> None:
        """Load nothing."""

    def read(self, _page: PageImage, _options: OcrOptions) -> PageText:
        """Fail."""
        raise self.error


class Broken(Failing):
    """An engine with a bug."""

    name = "broken"
    error = ZeroDivisionError("division by zero")


class Remote(Failing):
    """An engine that must not be asked here."""

    name = "remote"
    remote = True


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines above, beside the real ones."""
    module = f"{__name__}:"
    added = {kind.name: module + kind.__name__ for kind in (Failing, Broken, Remote)}
    monkeypatch.setattr(engines, "ENGINES", MappingProxyType({**engines.ENGINES, **added}))


# --- who reads first


def test_office_print_is_read_by_tesseract_alone(tmp_path: Path) -> None:
    found = read(page_image(), tmp_path)
    assert [(attempt.engine, attempt.kept, attempt.doubts) for attempt in found.attempts] == [("tesseract", True, ())]
    assert SENTENCE in found.text.text


def test_what_does_not_look_like_office_print_goes_to_the_stronger_engine_at_once(tmp_path: Path) -> None:
    found = read(soft(page_image()), tmp_path)
    assert [(attempt.engine, attempt.kept, attempt.doubts) for attempt in found.attempts] == [("rapidocr", True, ())]
    assert SENTENCE in found.text.text


def test_a_blank_page_is_a_result_without_doubts(tmp_path: Path) -> None:
    found = read(text_image(""), tmp_path)
    assert (found.text.text, found.text.confidence, found.engine) == ("", None, "tesseract")
    assert [attempt.doubts for attempt in found.attempts] == [()]


def test_an_engine_asked_for_by_name_reads_whatever_it_is_shown(tmp_path: Path) -> None:
    found = read(page_image().rotate(180), tmp_path, engine="tesseract")
    assert [(attempt.engine, attempt.kept, attempt.doubts) for attempt in found.attempts] == [("tesseract", True, ())]


# --- doubts


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_pages_are_read_upright(degrees: int, tmp_path: Path) -> None:
    image = page_image()
    found = read(image.rotate(degrees, expand=True), tmp_path)
    assert SENTENCE in found.text.text
    assert (found.page.width, found.page.height) == image.size
    assert doubts.TURNED in found.attempts[0].doubts
    assert [attempt.kept for attempt in found.attempts] == [False, True]
    a, b, c, d, e, f = found.page.transform
    x0, y0, _, _ = found.text.words[0].box
    x, y = a * x0 + b * y0 + c, d * x0 + e * y0 + f
    expected = {90: (50, image.width - 50), 180: (image.width - 50, image.height - 60), 270: (image.height - 60, 50)}
    assert (x, y) == pytest.approx(expected[degrees], abs=20)


def test_words_on_their_side_that_were_read_well_are_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pack for it nobody can tell which way up they are; the engine that reads them as they lie is sure."""
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs/eng.traineddata").symlink_to(packs.directory() / "eng.traineddata")
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path / "packs"))
    few = text_image("committee accounts treasurer\nreport members secretary", (1200, 400)).rotate(90, expand=True)
    found = read(few, tmp_path, ladder=("rapidocr", "tesseract"))
    assert doubts.SIDEWAYS in doubts.of(found.text, ("eng",))
    assert [(attempt.engine, attempt.kept, attempt.doubts) for attempt in found.attempts] == [("rapidocr", True, ())]


def test_a_page_too_crooked_for_tesseract_is_read_by_the_next_engine(tmp_path: Path) -> None:
    found = read(page_image().rotate(-8, Image.Resampling.BICUBIC, expand=True, fillcolor=255), tmp_path)
    first, second = found.attempts
    assert (first.engine, first.kept, second.engine, second.kept) == ("tesseract", False, "rapidocr", True)
    assert first.doubts
    assert second.doubts == ()
    assert SENTENCE in found.text.text


WORD = Word("committee", 0.97, (0, 0, 90, 20))


def a_text(*words: Word) -> PageText:
    return PageText(" ".join(word.text for word in words), list(words))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (a_text(*[WORD] * 10), ()),
        (a_text(), ()),
        (a_text(*[Word("committee", 0.85, WORD.box)] * 10), (doubts.LOW_CONFIDENCE,)),
        (a_text(*[WORD] * 9, Word("x", 0.1, WORD.box)), (doubts.UNSURE_WORDS,)),
        (a_text(*[WORD] * 3, Word("x", 0.7, WORD.box)), ()),
        (a_text(*[Word("комитет", 0.99, WORD.box)] * 10), (doubts.WRONG_SCRIPT,)),
        (a_text(*[Word("Größe", 0.99, WORD.box)] * 10), ()),
        (a_text(*[Word("committee", 0.99, (0, 0, 20, 90))] * 10), (doubts.SIDEWAYS,)),
    ],
)
def test_doubts(found: PageText, expected: tuple[str, ...]) -> None:
    assert doubts.of(found, ("eng",)) == expected


def test_cyrillic_is_expected_where_it_is_asked_for() -> None:
    found = a_text(*[Word("комитет", 0.99, WORD.box)] * 10)
    assert doubts.of(found, ("rus", "eng")) == ()
    assert doubts.of(found, ("script/Cyrillic",)) == ()


def test_few_words_for_much_ink_are_doubtful() -> None:
    assert doubts.of(a_text(WORD), ("eng",), doubts.Ink(100, 0, 50)) == (doubts.TOO_FEW_WORDS,)
    assert doubts.of(a_text(WORD), ("eng",), doubts.Ink(20, 0, 50)) == ()
    assert doubts.of(a_text(*[WORD] * 10), ("eng",), doubts.Ink(100, 0, 50)) == ()
    assert doubts.of(a_text(*[WORD] * 10), ("eng",), doubts.Ink(100, 30, 50)) == (doubts.TOO_FEW_WORDS,)


def attempt(engine: str, words: int, confidence: float, *why: str) -> Attempt:
    return Attempt(engine, False, confidence, words, 1, doubts=why)


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        (attempt("b", 10, 0.9), attempt("a", 0, 0.0), True),
        (attempt("b", 0, 0.0), attempt("a", 10, 0.2, doubts.LOW_CONFIDENCE), False),
        (attempt("b", 10, 0.95), attempt("a", 10, 0.8, doubts.LOW_CONFIDENCE), True),
        (attempt("b", 10, 0.8, doubts.LOW_CONFIDENCE, doubts.UNSURE_WORDS), attempt("a", 10, 0.9, "x"), False),
        (attempt("b", 10, 0.8, "x"), attempt("a", 12, 0.9, "x"), True),
        (attempt("b", 3, 0.8, "x"), attempt("a", 12, 0.9, "x"), False),
        (attempt("a", 10, 0.4, "x"), attempt("a", 10, 0.5, "x"), False),
    ],
)
def test_the_better_of_two_readings(later: Attempt, earlier: Attempt, expected: bool) -> None:  # noqa: FBT001
    assert doubts.better(later, earlier) is expected


# --- engines that are missing, fail, or do not read the language


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(("name", "code"), [("failing", "engine_failed"), ("broken", "engine_failed")])
@pytest.mark.parametrize("spoil", [soft, Image.Image.copy])
def test_an_engine_that_fails_leaves_the_page_to_the_next(
    name: str, code: str, spoil: Callable[[Image.Image], Image.Image], tmp_path: Path
) -> None:
    found = read(spoil(page_image()), tmp_path, ladder=(name, name, "tesseract"))
    assert found.engine == "tesseract"
    assert SENTENCE in found.text.text
    *failed, kept = found.attempts
    assert kept.kept
    assert {(attempt.engine, attempt.kept, attempt.error) for attempt in failed} == {(name, False, code)}


def test_an_engine_that_is_missing_is_recorded_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERACT_CMD", "/nowhere/tesseract")
    found = read(page_image(), tmp_path)
    assert [(attempt.engine, attempt.kept, attempt.error) for attempt in found.attempts] == [
        ("tesseract", False, "engine_unavailable"),
        ("rapidocr", True, None),
    ]


@pytest.mark.usefixtures("stand_ins")
def test_a_remote_engine_is_left_to_the_worker_with_the_doubts(tmp_path: Path) -> None:
    crooked = page_image().rotate(-8, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    found = read(crooked, tmp_path, ladder=("tesseract", "remote"))
    assert {attempt.engine for attempt in found.attempts} == {"tesseract"}
    assert found.attempts[-1].doubts


@pytest.mark.usefixtures("stand_ins")
def test_where_no_engine_reads_the_page_it_is_said_why(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="on fire"):
        read(page_image(), tmp_path, ladder=("absent", "failing"))
    with pytest.raises(EngineUnavailable, match="AUTO_ENGINES"):
        read(page_image(), tmp_path, ladder=("remote",))


def test_a_language_only_tesseract_reads_stays_with_tesseract(tmp_path: Path) -> None:
    """It has no pack for Russian here, and says so; rapidocr, which can't read it either, is not heard."""
    with pytest.raises(UnknownLanguage, match="Tesseract"):
        read(page_image(), tmp_path, languages=("rus",))


def test_a_program_that_fails_leaves_the_page_to_the_next_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, in a process of its own."""
    script = '[ "$1" = --list-langs ] && exec tesseract "$@"\necho burnt >&2; exit 3\n'
    monkeypatch.setenv("TESSERACT_CMD", str(program(tmp_path / "fails", script)))
    path = saved(page_image(), tmp_path / "page.png", dpi=(150, 150))
    with Reader(path, ReadOptions(), LIMITS) as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageRead)
    assert [(attempt.engine, attempt.kept, attempt.error) for attempt in page.attempts] == [
        ("tesseract", False, "engine_failed"),
        ("rapidocr", True, None),
    ]
    assert page.engine == "rapidocr"


# --- models are loaded once


def test_models_a_document_had_to_load_are_there_for_the_next(tmp_path: Path) -> None:
    path = saved(text_image("Hello world"), tmp_path / "hello.png", dpi=(300, 300))

    def cpu_ms() -> int:
        with Reader(path, ReadOptions(engine="rapidocr"), LIMITS) as opened:
            [page] = opened.read([1])
        assert isinstance(page, PageRead)
        return page.cpu_ms

    forking().stop()  # others may have had them loaded
    first, second = cpu_ms(), cpu_ms()
    assert first - second > LOADING_MS


# --- what a page looks like


def test_the_looks_of_a_large_page_are_measured_fast() -> None:
    large = page_image().resize((4960, 7016))
    found = appearance.of(large)
    assert found.office
    assert found.letter_height == pytest.approx(4 * appearance.of(page_image()).letter_height, rel=0.1)


def test_the_size_of_print_tells_of_a_wrong_resolution() -> None:
    look = appearance.of(page_image())
    assert look.print_dpi(150) is None
    assert look.print_dpi(600) == pytest.approx(180, abs=40)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 7)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_pages_of_a_few_pixels_have_looks_too(size: tuple[int, int], grey: int) -> None:
    assert appearance.of(Image.new("L", size, grey)).ink.letters == 0


def test_noise_looks_like_no_print() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (900, 900)).astype(np.uint8)
    assert not appearance.of(Image.fromarray(noise)).office
