"""Pages as they are sent elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.support import documents
from workers.ocr.geometry import after, quarter, rotated, scaled
from workers.ocr.pages import ReadLimits, ReadOptions, RenderedPage
from workers.ocr.sandbox import Reader

LIMITS = ReadLimits(page_timeout_seconds=60, max_page_pixels=50_000_000, max_pages=10, render_dpi=300)


def rendered(tmp_path: Path, picture: Image.Image) -> tuple[str, int, tuple[int, int]]:
    """Format, bytes and size of a picture as it is sent."""
    source = tmp_path / "source"
    source.write_bytes(documents.encoded(picture, "BMP"))
    with Reader(source, ReadOptions(), LIMITS) as reader:
        page = reader.render(1)
        assert isinstance(page, RenderedPage)
        with Image.open(page.path) as sent:
            assert sent.size == (page.width, page.height)
            return str(sent.format), page.path.stat().st_size, sent.size


def test_print_is_sent_as_it_is(tmp_path: Path) -> None:
    kind, _, size = rendered(tmp_path, documents.image("print"))
    assert (kind, size) == ("PNG", (700, 220))


def test_what_would_be_too_large_is_sent_as_a_photograph(tmp_path: Path) -> None:
    kind, bytes_sent, size = rendered(tmp_path, Image.effect_noise((3000, 3000), 20))
    assert (kind, size) == ("JPEG", (3000, 3000))
    assert bytes_sent < 10_000_000 * 3 / 4


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_is_sent_the_way_up_it_was_read(degrees: int, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(documents.encoded(documents.image("print"), "BMP"))
    with Reader(source, ReadOptions(), LIMITS) as reader:
        page = reader.render(1, degrees)
        assert isinstance(page, RenderedPage)
        with Image.open(page.path) as sent:
            turned = ImageChops.difference(sent, documents.image("print").convert("L").rotate(-degrees, expand=True))
            assert turned.getbbox() is None
    assert page.transform is not None
    assert quarter(page.transform) == degrees


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("askew", [-10, 0, 10])
def test_which_way_up_a_page_was_read_shows_through_straightening_and_scaling(degrees: int, askew: float) -> None:
    turned, straightened = rotated(degrees, (300, 200), (200, 300)), rotated(askew, (200, 300), (220, 320))
    assert quarter(after(scaled(2), after(turned, straightened))) == degrees
