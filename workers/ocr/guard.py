"""What an untrusted page may cost, checked before anything is rendered or decoded.

A 541-byte PDF can ask for 14 GB of pixels, and a PNG of a few kilobytes for as many.
"""

from __future__ import annotations

import math
import resource
from typing import Final

from shared.errors import CorruptFile, PageTooLarge

LEAST_DPI: Final = 150
"""Large pages are rendered down to this; below it body text gets too small for tesseract (10 pt: x-height 10 px)."""

MEMORY_BYTES: Final = 6 * 1024**3
"""Address space of one reading process: several times what a page of 100 million pixels takes (0.9 GiB, any engine),
beside the 2.2 GiB that OpenVINO maps for rapidocr's models and uses a third of.
"""

MOST_SIDE: Final = 32_767
"""Pixels of the longer side: what tesseract takes, and formats such as JPEG hardly exceed."""

POINTS_PER_INCH: Final = 72


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Refuse a page of more pixels than we read.

    Raises:
        PageTooLarge: naming both.
        CorruptFile: it has none.
    """
    if width < 1 or height < 1:
        raise CorruptFile("The page has no width or no height.")
    size = f"{width:,} x {height:,} pixels"
    if width * height > max_pixels:
        factor = math.sqrt(max_pixels / (width * height))
        fitting = f"{max(1, int(width * factor)):,} x {max(1, int(height * factor)):,}"
        raise PageTooLarge(
            f"The page has {size}, more than the {max_pixels:,} read here; send it at {fitting} or in parts."
        )
    if max(width, height) > MOST_SIDE:
        raise PageTooLarge(f"The page has {size}; a side may have {MOST_SIDE:,}. Send it smaller or in parts.")


def scale(dpi: int) -> float:
    """Return pixels a point, a hair less than exact: 11 inches at 300 dpi are 3,300 pixels, not 3,300.0000000001."""
    return dpi / POINTS_PER_INCH * (1 - 1e-9)


def rendered_size(points: tuple[float, float], dpi: int) -> tuple[int, int]:
    """Return width and height in pixels of a page of so many points at `dpi`; pdfium rounds up."""
    width, height = points
    factor = scale(dpi)
    return max(1, math.ceil(width * factor)), max(1, math.ceil(height * factor))


def affordable_dpi(points: tuple[float, float], dpi: int, max_pixels: int) -> int:
    """Return the resolution to render a page of so many points at: `dpi`, or less for a large one.

    Raises:
        PageTooLarge: it is too large even at `LEAST_DPI`.
    """
    columns, rows = rendered_size(points, dpi)
    fitting = math.floor(dpi * min(math.sqrt(max_pixels / (columns * rows)), MOST_SIDE / max(columns, rows)))
    lowest = min(dpi, LEAST_DPI)
    # Rounding up costs a row and a column: what should just fit may not, and one less does for all but the narrowest.
    for candidate in (dpi, fitting, fitting - 1):
        columns, rows = rendered_size(points, max(candidate, lowest))
        if candidate <= dpi and columns * rows <= max_pixels and max(columns, rows) <= MOST_SIDE:
            return max(candidate, lowest)
    check_pixels(*rendered_size(points, lowest), max_pixels)
    return lowest


def limit_memory() -> None:
    """Cap this process's address space, and that of the engines it starts: the second guard against bombs."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
