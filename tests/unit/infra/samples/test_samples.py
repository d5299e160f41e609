"""The samples are what their texts say, small enough to commit, and made anew the same."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytesseract
import pytest
from PIL import Image, ImageSequence

from infra import samples
from infra.samples import make_samples
from shared.config import MIB


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_fits_into_one_direct_upload(name: str) -> None:
    assert 0 < samples.path(name).stat().st_size < 4 * MIB


def test_all_samples_together_are_small() -> None:
    assert sum(samples.path(name).stat().st_size for name in samples.NAMES) < 2.5 * MIB


def test_an_unknown_sample_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="letter-scan"):
        samples.path("other.pdf")


def test_made_anew_they_say_and_show_the_same(tmp_path: Path) -> None:
    make_samples.make(tmp_path)

    for name in samples.NAMES:
        assert (tmp_path / name).with_suffix(".txt").read_text() == samples.expected_text(name)
    assert (tmp_path / "born-digital.pdf").read_bytes() == samples.path("born-digital.pdf").read_bytes()
    with Image.open(tmp_path / "letter-scan.png") as anew, Image.open(samples.path("letter-scan.png")) as kept:
        assert anew.tobytes() == kept.tobytes()


@pytest.mark.parametrize(
    ("name", "least"), [("letter-scan.png", 0.97), ("three-pages.tiff", 0.97), ("receipt-photo.jpg", 0.85)]
)
def test_tesseract_reads_the_pictures(name: str, least: float) -> None:
    with Image.open(samples.path(name)) as image:
        text = "\f".join(pytesseract.image_to_string(page) for page in ImageSequence.Iterator(image))

    assert samples.word_recall(samples.expected_text(name), text) >= least


def test_the_photo_is_unevenly_lit() -> None:
    with Image.open(samples.path("receipt-photo.jpg")) as photo:
        gray = photo.convert("L")
    lit = gray.crop((300, 150, 400, 200)).getextrema()[1]
    shaded = gray.crop((1150, 1500, 1250, 1550)).getextrema()[1]

    assert isinstance(lit, int)
    assert isinstance(shaded, int)
    assert lit - shaded > 60


@pytest.mark.parametrize("name", ["born-digital.pdf", "mixed.pdf"])
def test_printed_pages_carry_their_text_and_scanned_ones_none(name: str) -> None:
    expected = samples.expected_text(name).split("\f")
    found = _texts(samples.path(name).read_bytes())

    assert len(found) == len(expected)
    for number, (wanted, text) in enumerate(zip(expected, found, strict=True)):
        scanned = name == "mixed.pdf" and number % 2 == 1
        assert text == "" if scanned else samples.word_recall(wanted, text) == 1.0


def test_long_scanned_documents_repeat_their_pictures() -> None:
    short, long = samples.scanned_pdf(12, dpi=72), samples.scanned_pdf(100, dpi=72)

    assert len(_texts(long)) == 100
    assert len(long) < 1.5 * len(short)
    assert not any(_texts(short))


def test_born_digital_pages_are_dense_and_differ() -> None:
    texts = _texts(samples.born_digital_pdf(5))

    assert len(set(texts)) == 5
    assert all(400 < len(text.split()) < 520 for text in texts)


def test_recall_counts_words_without_case_and_punctuation() -> None:
    assert samples.word_recall("Total: 43.81, thank you!", "TOTAL 43.81 (thank") == 0.75
    assert samples.word_recall("two two", "two") == 0.5
    assert samples.word_recall("", "") == 0.0


def _texts(pdf: bytes) -> list[str]:
    """The text layer of every page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
