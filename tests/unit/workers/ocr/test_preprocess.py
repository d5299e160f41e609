"""Straightening and cleaning pages, and leaving good ones alone."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.workers.ocr.making import LIMITS, page_image, saved, text_image
from workers.ocr import preprocess
from workers.ocr.sandbox import PageRead, Reader, ReadOptions


@pytest.mark.parametrize("degrees", [-9.7, -3.3, -0.5, 0.4, 2.0, 7.1])
def test_skew_is_measured_to_a_tenth_of_a_degree(degrees: float) -> None:
    turned = page_image().rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    assert preprocess.skew(turned) == pytest.approx(degrees, abs=0.1)
    assert abs(preprocess.skew(preprocess.deskew(turned))) <= 0.15


@pytest.mark.parametrize("image", [page_image(), text_image(""), Image.effect_noise((600, 600), 80)])
def test_pages_that_are_straight_or_have_no_lines_stay_as_they_are(image: Image.Image) -> None:
    assert preprocess.deskew(image) is image


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


def test_a_turned_skewed_shaded_page_is_read_as_the_good_one(tmp_path: Path) -> None:
    bad = shaded(page_image().rotate(2, Image.Resampling.BICUBIC, expand=True, fillcolor=255)).rotate(90, expand=True)
    path = saved(bad, tmp_path / "bad.png", dpi=(150, 150))
    with Reader(path, ReadOptions(rotate=True, deskew=True, clean=True), LIMITS) as opened:
        [page] = opened.read([1])
    assert isinstance(page, PageRead)
    assert "The committee met on the fourth of March to review the" in page.text
    assert page.height > page.width
