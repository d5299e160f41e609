"""Straightening and cleaning pages, and leaving good ones alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.unit.workers.ocr.making import LIMITS, page_image, saved, text_image
from workers.ocr import appearance, preprocess
from workers.ocr.geometry import IDENTITY
from workers.ocr.sandbox import PageRead, Reader, ReadOptions


@pytest.mark.parametrize("degrees", [-9.7, -3.3, -0.5, 0.4, 2.0, 7.1])
def test_skew_is_measured_to_a_tenth_of_a_degree(degrees: float) -> None:
    turned = page_image().rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    assert preprocess.skew(turned) == pytest.approx(degrees, abs=0.1)
    straight, _ = preprocess.deskew(turned)
    assert abs(preprocess.skew(straight)) <= 0.15


@pytest.mark.parametrize("image", [page_image(), text_image(""), Image.effect_noise((600, 600), 80)])
def test_pages_that_are_straight_or_have_no_lines_stay_as_they_are(image: Image.Image) -> None:
    assert preprocess.deskew(image) == (image, IDENTITY)


def test_skew_is_found_fast_on_a_large_page() -> None:
    large = page_image().resize((2480, 3508))
    started = time.process_time()
    preprocess.skew(large)
    assert time.process_time() - started < 0.5


def shaded(page: Image.Image) -> Image.Image:
    """The page as a photograph: light at the top left, three quarters dark at the bottom right."""
    across = np.linspace(0, 1, page.width)[None, :]
    down = np.linspace(0, 1, page.height)[:, None]
    return Image.fromarray((np.asarray(page, dtype=float) * (1 - 0.375 * (across + down))).astype(np.uint8))


def test_uneven_light_is_evened_out() -> None:
    page = page_image()
    cleaned = np.asarray(preprocess.clean(shaded(page)), dtype=float)
    paper = np.asarray(page) == 255
    assert np.percentile(cleaned[paper], 5) > 235
    assert cleaned[~paper].mean() < 140


def test_evenly_lit_pages_stay_as_they_are() -> None:
    for page in (page_image(), page_image().point(lambda grey: grey * 0.8)):
        assert preprocess.clean(page) is page


def test_faint_ink_becomes_dark() -> None:
    faint = page_image().point(lambda grey: 180 + grey * 75 // 255)
    cleaned = np.asarray(preprocess.clean(faint))
    ink = np.asarray(page_image()) == 0
    assert cleaned[ink].mean() < 100
    assert np.median(cleaned[~ink]) > 240


def speckled(page: Image.Image) -> Image.Image:
    """The page with one of a hundred pixels black or white."""
    pixels, chance = np.asarray(page).copy(), np.random.default_rng(1).random((page.height, page.width))
    pixels[chance < 0.005] = 0
    pixels[chance > 0.995] = 255
    return Image.fromarray(pixels)


def grainy(page: Image.Image, deviation: float = 40) -> Image.Image:
    """The page as a bad camera sees it in the dark."""
    grain = np.random.default_rng(1).normal(0, deviation, (page.height, page.width))
    return Image.fromarray(np.clip(np.asarray(page) * 0.8 + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("spoilt", [speckled(page_image()), grainy(page_image())])
def test_specks_and_grain_go(spoilt: Image.Image) -> None:
    paper = np.asarray(page_image().filter(ImageFilter.MinFilter(9))) == 255
    before = np.asarray(spoilt)[paper].std()
    assert np.asarray(preprocess.denoise(spoilt))[paper].std() < before / 2


def test_clean_pages_are_not_blurred() -> None:
    for page in (page_image(), grainy(page_image(), 3)):
        assert preprocess.denoise(page) is page


@pytest.mark.parametrize(("factor", "low", "high"), [(0.5, 20, 30), (3.0, 20, 30)])
def test_print_is_brought_to_a_good_size(factor: float, low: int, high: int) -> None:
    page = page_image()
    page = page.resize((round(page.width * factor), round(page.height * factor)), Image.Resampling.BOX)
    sized, dpi = preprocess.normalize(page, 150)
    assert low <= appearance.of(sized).letter_height <= high
    assert sized.width / page.width == pytest.approx(dpi / 150, rel=0.01)


def test_print_of_a_good_size_stays() -> None:
    page = page_image()
    assert preprocess.normalize(page, 150) == (page, 150)


def on_a_table(page: Image.Image) -> Image.Image:
    """The page on dark, uneven ground: 300 pixels of it at the left, 200 on every other side."""
    table = np.random.default_rng(1).normal(60, 12, (page.height + 400, page.width + 500)).clip(0, 255)
    picture = Image.fromarray(table.astype(np.uint8))
    picture.paste(page, (300, 200))
    return picture


def test_the_table_around_a_page_is_cut_off() -> None:
    page = page_image()
    cropped, undone = preprocess.crop(on_a_table(page))
    assert cropped.width == pytest.approx(page.width, abs=40)
    assert cropped.height == pytest.approx(page.height, abs=40)
    assert undone[2] == pytest.approx(300, abs=20)
    assert undone[5] == pytest.approx(200, abs=20)


@pytest.mark.parametrize("image", [page_image(), text_image(""), shaded(page_image())])
def test_pages_without_surroundings_are_not_cropped(image: Image.Image) -> None:
    assert preprocess.crop(image) == (image, IDENTITY)


def test_a_turned_skewed_shaded_page_is_read_as_the_good_one(tmp_path: Path) -> None:
    bad = shaded(page_image().rotate(2, Image.Resampling.BICUBIC, expand=True, fillcolor=255)).rotate(90, expand=True)
    path = saved(bad, tmp_path / "bad.png", dpi=(150, 150))
    with Reader(path, ReadOptions(rotate=True, deskew=True, clean=True), LIMITS) as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageRead)
    assert "The committee met on the fourth of March to review the" in page.text
    assert page.height > page.width


def dark_box(image: Image.Image) -> tuple[int, int, int, int]:
    """Where a page's ink is."""
    box = image.point(lambda grey: 255 * (grey < 100)).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("options", [{"rotate": True}, {"deskew": True}, {"normalize": True}, {"crop": True}, {}])
def test_boxes_find_their_way_back_onto_the_original(options: dict[str, Any], tmp_path: Path) -> None:
    """A word stands alone on the page; its box, brought back, frames its ink on the original."""
    spoil = {
        "rotate": lambda page: page.rotate(180),
        "deskew": lambda page: page.rotate(4, Image.Resampling.BICUBIC, expand=True, fillcolor=255),
        "normalize": lambda page: page.resize((page.width // 2, page.height // 2), Image.Resampling.BOX),
        "crop": on_a_table,
    }
    marked = page_image()
    marked.paste(text_image("Beginning", (400, 120), 40).crop((40, 40, 400, 120)), (600, 900))
    original = spoil[next(iter(options))](marked) if options else marked
    path = saved(original, tmp_path / "page.png", dpi=(150, 150))
    with Reader(path, replace(ReadOptions(engine="tesseract"), **options), LIMITS) as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageRead)
    assert (page.transform is None) == (not options)
    assert [attempt.transform for attempt in page.attempts] == [page.transform]
    words = [word for word in json.loads(page.words_json) if word["text"] == "Beginning"]
    a, b, c, d, e, f = page.transform or IDENTITY
    scale = 150 / page.dpi
    [(x0, y0, x1, y1)] = [word["box"] for word in words]
    corners = [((a * x + b * y + c) * scale, (d * x + e * y + f) * scale) for x in (x0, x1) for y in (y0, y1)]
    frame = tuple(round(pick(axis)) for pick, axis in _edges(corners))
    inked = dark_box(original.crop((frame[0] - 20, frame[1] - 20, frame[2] + 20, frame[3] + 20)))
    assert inked[0] == pytest.approx(20, abs=12)
    assert inked[1] == pytest.approx(20, abs=12)
    assert inked[2] - inked[0] == pytest.approx(frame[2] - frame[0], abs=16)
    assert inked[3] - inked[1] == pytest.approx(frame[3] - frame[1], abs=16)


def _edges(corners: list[tuple[float, float]]) -> list[tuple[Callable[[list[float]], float], list[float]]]:
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return [(min, across), (min, down), (max, across), (max, down)]
