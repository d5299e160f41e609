"""Where a pixel of a page as read lies in the coordinates of a PDF page, which is boxed and turned as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pikepdf import Array, Name, Page

from workers.ocr.geometry import Transform

Rectangle = tuple[float, float, float, float]

_LETTER: Final[Rectangle] = (0.0, 0.0, 612.0, 792.0)
"""What pdfium takes a page without a box for."""

_DEPTH: Final = 64
"""Nodes above a page at most: a tree that bites its tail ends somewhere."""


def to_page(page: Page, scale: float) -> Transform:
    """Return the transform from the page as it is shown, in pixels from its top left, to the page's own coordinates.

    Args:
        page: of which the crop box is shown, turned clockwise by its /Rotate.
        scale: points a pixel.
    """
    left, bottom, right, top = shown(page)
    return {
        0: (scale, 0.0, left, 0.0, -scale, top),
        90: (0.0, scale, left, scale, 0.0, bottom),
        180: (-scale, 0.0, right, 0.0, scale, bottom),
        270: (0.0, -scale, right, -scale, 0.0, top),
    }[rotation(page)]


def shown(page: Page) -> Rectangle:
    """Return the part of a page that is shown, as pdfium sees it: its crop box inside its media box."""
    media = _rectangle(_inherited(page, Name.MediaBox)) or _LETTER
    crop = _rectangle(_inherited(page, Name.CropBox))
    if crop is None:
        return media
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    return (left, bottom, right, top) if left < right and bottom < top else media


def rotation(page: Page) -> int:
    """Return 0, 90, 180 or 270."""
    stated = _inherited(page, Name.Rotate)
    try:
        return round(float(stated) / 90) % 4 * 90 if stated is not None else 0
    except (TypeError, ValueError):
        return 0


def _inherited(page: Page, name: Name) -> Any:
    return next((node[name] for node in chain(page) if name in node), None)


def chain(page: Page) -> Iterator[Any]:
    """Yield a page and what it inherits from, nearest first."""
    node: Any = page.obj
    for _ in range(_DEPTH):
        yield node
        node = node.get(Name.Parent)
        if node is None:
            return


def _rectangle(found: Any) -> Rectangle | None:
    if not isinstance(found, Array) or len(found) != 4:  # noqa: PLR2004 - two corners
        return None
    try:
        x0, y0, x1, y1 = (float(number) for number in found)
    except (TypeError, ValueError):
        return None
    rectangle = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
    return rectangle if rectangle[0] < rectangle[2] and rectangle[1] < rectangle[3] else None
