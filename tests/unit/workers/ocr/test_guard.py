"""What a page may cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import CorruptFile, PageTooLarge
from workers.ocr import guard


def test_a_page_within_the_limit_keeps_its_resolution() -> None:
    assert guard.affordable_dpi((595, 842), 300, 100_000_000) == 300


@given(
    width=st.floats(0.5, 14_400), height=st.floats(0.5, 14_400), dpi=st.integers(72, 600), limit=st.integers(1, 10**9)
)
def test_what_is_affordable_fits_and_nothing_else_is_refused(width: float, height: float, dpi: int, limit: int) -> None:
    try:
        chosen = guard.affordable_dpi((width, height), dpi, limit)
    except PageTooLarge:
        columns, rows = guard.rendered_size((width, height), min(dpi, guard.LEAST_DPI))
        assert columns * rows > limit
    else:
        columns, rows = guard.rendered_size((width, height), chosen)
        assert columns * rows <= limit
        assert min(dpi, guard.LEAST_DPI) <= chosen <= dpi


def test_a_page_without_width_is_no_page() -> None:
    with pytest.raises(CorruptFile):
        guard.check_pixels(0, 10, 100)
