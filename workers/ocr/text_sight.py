"""What one sees on a PDF page: what is drawn beside its text, and whether the text is seen at all."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pypdfium2.raw as pdfium

from workers.ocr import guard

Colour = tuple[ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint]
"""Red, green, blue and alpha, as pdfium fills them in."""

_SCAN_COVERAGE: Final = 0.3
"""Images that cover this much of a page with few characters may well hold its text."""

_OUTLINE_PATHS: Final = 200
"""So many paths on a page with few characters may be letters turned into outlines."""

_FORM_DEPTH: Final = 4
_SAMPLES: Final = 8

_PALE: Final = 250
"""A colour of which every part is at least this is paper."""

_LOOK_DPI: Final = 50
"""Enough to see whether a letter of 6 points is there."""

_CONTRAST: Final = 16
"""Grey levels between the darkest and the brightest pixel where a letter is."""

_MOST_UNSEEN: Final = 0.1
"""Sampled letters that nothing is seen of; above this, some of the text is hidden."""

_LETTERS: Final = 400
"""How many are looked at."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is on a page beside text: the part of it that images cover, and the number of paths, shadings and notes."""

    images: float
    paths: int

    @property
    def nothing(self) -> bool:
        """Whether the page is blank but for its text."""
        return self.images == 0 and self.paths == 0

    @property
    def may_hold_text(self) -> bool:
        """Whether images or outlines may be most of what there is to read."""
        return self.images >= _SCAN_COVERAGE or self.paths > _OUTLINE_PATHS


def drawn(page: Any) -> Drawn:
    """Return what is on the page beside text, as far as it takes to decide by."""
    area, paths = 0.0, pdfium.FPDFPage_GetAnnotCount(page)
    width, height = page.get_size()
    for kind, item in _objects(page):
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            area += _area(item)
        elif kind != pdfium.FPDF_PAGEOBJ_TEXT:
            paths += 1
        if paths > _OUTLINE_PATHS:
            break
    return Drawn(min(1.0, area / max(1.0, width * height)), paths)


def _objects(page: Any) -> Iterator[tuple[int, Any]]:
    """Yield objects with their kinds; of forms what is in them, unless they lie too deep: those are something."""
    for item in page.get_objects(max_depth=_FORM_DEPTH):
        kind = item.type
        if kind != pdfium.FPDF_PAGEOBJ_FORM or item.level >= _FORM_DEPTH - 1:
            yield kind, item


def _area(item: Any) -> float:
    """Return the area of an object in square points; at least some, so that an image is never nothing."""
    left, bottom, right, top = item.get_bounds()
    return max(math.ulp(1.0), float((right - left) * (top - bottom)))


def hidden(page: Any, textpage: Any) -> bool:
    """Tell whether the text is not what one sees: drawn invisibly over no scan, as paper, or in a layer that is off."""
    count = pdfium.FPDFText_CountChars(textpage)
    invisible, doubtful, seen = 0, False, 0
    parts = (ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint())
    for index in range(0, count, max(1, count // _SAMPLES)):
        item = pdfium.FPDFText_GetTextObject(textpage, index)
        if not item:
            continue
        seen += 1
        if pdfium.FPDFTextObj_GetTextRenderMode(item) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
            invisible += 1
        else:
            doubtful = doubtful or _is_pale(textpage, index, parts) or _is_in_layer(item)
    if invisible == seen:
        return not drawn(page).may_hold_text
    return doubtful and _unseen(page, textpage, count) > _MOST_UNSEEN


def _is_pale(textpage: Any, index: int, parts: Colour) -> bool:
    if not pdfium.FPDFText_GetFillColor(textpage, index, *parts):
        return False
    red, green, blue, alpha = parts
    return alpha.value == 0 or (red.value >= _PALE and green.value >= _PALE and blue.value >= _PALE)


def _is_in_layer(item: Any) -> bool:
    """Tell whether an object is marked as part of a layer (optional content); whether that is on, nobody tells."""
    name, length = (ctypes.c_ushort * 4)(), ctypes.c_ulong()
    for index in range(pdfium.FPDFPageObj_CountMarks(item)):
        mark = pdfium.FPDFPageObj_GetMark(item, index)
        found = pdfium.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length)
        if found and bytes(name)[: length.value] == "OC\0".encode("utf-16-le"):
            return True
    return False


def _unseen(page: Any, textpage: Any, count: int) -> float:
    """Return the part of the letters where the page, rendered small, shows nothing."""
    dpi = min(_LOOK_DPI, guard.affordable_dpi(page.get_size(), _LOOK_DPI, 4_000_000))
    bitmap = page.render(scale=guard.scale(dpi), grayscale=True)
    pixels = bitmap.to_numpy().reshape(bitmap.height, -1)[:, : bitmap.width]
    looked = missing = 0
    for index in range(0, count, max(1, count // _LETTERS)):
        if chr(pdfium.FPDFText_GetUnicode(textpage, index)).isalnum():
            looked += 1
            missing += not _shows(pixels, _place(page, textpage, index, pixels.shape))
    return missing / max(1, looked)


def _place(page: Any, textpage: Any, index: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the pixels a character takes: left, top, right, bottom, right and bottom beyond it."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pdfium.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
    xs, ys = [], []
    for x, y in ((left, bottom), (right, top)):
        column, row = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, shape[1], shape[0], 0, x, y, column, row)
        xs.append(column.value)
        ys.append(row.value)
    return max(0, min(xs) - 1), max(0, min(ys) - 1), max(xs) + 2, max(ys) + 2


def _shows(pixels: np.ndarray[Any, np.dtype[np.uint8]], place: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = place
    cut = pixels[top:bottom, left:right]
    return cut.size > 0 and int(cut.max()) - int(cut.min()) >= _CONTRAST
