"""Whether the text a PDF page carries is the text one sees on it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2.raw as pdfium

from workers.ocr.text import HYPHENS

_FEW_CHARACTERS: Final = 200
"""Below this a page may be a scan with a stamp, a fax header or a page number on it; a printed page has 2,000."""

_STAMP_CHARACTERS: Final = 10
"""So few beside anything drawn are a page number, not the page."""

_SCAN_COVERAGE: Final = 0.3
"""Images that cover this much of a page with few characters may well hold its text."""

_OUTLINE_PATHS: Final = 200
"""So many paths on a page with few characters may be letters turned into outlines."""

_LEAST_LETTERS: Final = 0.2
"""Letters and digits among visible characters; a table of contents full of dots still has more."""

_MOST_BAD: Final = 0.2
"""Characters without meaning among visible ones; above this the font's mapping to Unicode is broken."""

_INVISIBLE_SAMPLES: Final = 8
_FORM_DEPTH: Final = 4


def has_form_fields(page: Any) -> bool:
    """Tell whether form fields lie on the page: what people filled in is drawn, but is not in the text layer."""
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET:
            return True
    return False


def usable(page: Any, textpage: Any, raw: str, count: int) -> bool:
    """Tell whether the text layer can stand for the page; an empty one can for a blank page.

    Args:
        page: a `pypdfium2.PdfPage`.
        textpage: pdfium's text of it.
        raw: that text.
        count: the characters pdfium counts; those without text are missing from `raw`.
    """
    visible = "".join(raw.split())
    if len(visible) >= _FEW_CHARACTERS:
        return _meaningful(visible, count - len(raw)) and not _hidden(page, textpage, count)
    drawn = _drawn(page)
    if not visible:
        return drawn.nothing
    if len(visible) < _STAMP_CHARACTERS and not drawn.nothing:
        return False
    if drawn.images >= _SCAN_COVERAGE or drawn.paths > _OUTLINE_PATHS:
        return False
    return _meaningful(visible, count - len(raw)) and not _hidden(page, textpage, count)


def _meaningful(visible: str, unmapped: int) -> bool:
    """Tell text from what a font with a broken mapping to Unicode yields."""
    others = {character: visible.count(character) for character in set(visible) if not character.isalnum()}
    bad = unmapped + sum(number for character, number in others.items() if _means_nothing(character))
    letters = len(visible) - sum(others.values())
    return bad <= _MOST_BAD * len(visible) and letters >= _LEAST_LETTERS * len(visible)


def _means_nothing(character: str) -> bool:
    """Tell replacement, control, private-use and unassigned characters; pdfium's own hyphen marks are none of them."""
    if character in HYPHENS:
        return False
    return character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cn", "Co", "Cs"}


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is on a page beside text: the part of it that images cover, and the number of paths, shadings and notes."""

    images: float
    paths: int

    @property
    def nothing(self) -> bool:
        return self.images == 0 and self.paths == 0


def _drawn(page: Any) -> _Drawn:
    area, paths = 0.0, pdfium.FPDFPage_GetAnnotCount(page)
    width, height = page.get_size()
    for kind, item in _objects(page):
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            area += _area(item)
        elif kind != pdfium.FPDF_PAGEOBJ_TEXT:
            paths += 1
        if paths > _OUTLINE_PATHS:  # enough to decide by
            break
    return _Drawn(min(1.0, area / max(1.0, width * height)), paths)


def _objects(page: Any) -> Iterator[tuple[int, Any]]:
    for item in page.get_objects(max_depth=_FORM_DEPTH):
        kind = item.type
        if kind != pdfium.FPDF_PAGEOBJ_FORM:
            yield kind, item


def _area(item: Any) -> float:
    """Return the area of an object in square points; at least some, so that an image is never nothing."""
    left, bottom, right, top = item.get_bounds()
    return max(math.ulp(1.0), float((right - left) * (top - bottom)))


def _hidden(page: Any, textpage: Any, count: int) -> bool:
    """Tell whether the text is drawn invisibly over no scan it could be the reading of."""
    for index in range(0, count, max(1, count // _INVISIBLE_SAMPLES)):
        item = pdfium.FPDFText_GetTextObject(textpage, index)
        if item and pdfium.FPDFTextObj_GetTextRenderMode(item) != pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
            return False
    drawn = _drawn(page)
    return drawn.images < _SCAN_COVERAGE and drawn.paths <= _OUTLINE_PATHS
