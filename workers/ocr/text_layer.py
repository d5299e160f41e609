"""The text a PDF page already carries: its words with their boxes. Whether to trust it, `text_trust` decides.

Speed is the point of using it, so this speaks to pdfium directly: two calls a word (the boxes of its first and last
character) and one numpy pass over all of them.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np
import pypdfium2.raw as pdfium

from workers.ocr import guard
from workers.ocr.text import HYPHENS, clean, clean_words
from workers.ocr.text_trust import usable

Box = list[int]
Spans = np.ndarray[Any, np.dtype[np.int64]]

_HYPHENATED_WORD: Final = re.compile(r"[^\s\ufffe\x02]+[\ufffe\x02]?")
_LAST_SPACE: Final = 0x3000
_IS_SPACE: Final = np.array([chr(code).isspace() for code in range(_LAST_SPACE + 2)])  # what `str.split` splits at

# pypdfium2's prototype checks the types of two pointers a call, which is most of what a call costs: this one takes any
# arguments, and only `_Rectangles` calls it.
_loose_box: Final = ctypes.PYFUNCTYPE(ctypes.c_int)(
    ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)


@dataclass(frozen=True, slots=True)
class TextLayer:
    """The text of a page, and its words with their boxes in pixels of the page rendered at `dpi`."""

    text: str
    words: list[str]
    boxes: list[Box]
    width: int
    height: int
    dpi: int


class _Rectangles:
    """Room for the boxes of a page's characters, reused from page to page; grows as pages need it."""

    def __init__(self) -> None:
        self._grow(2048)

    def _grow(self, count: int) -> None:
        self.array = (pdfium.FS_RECTF * count)()
        self.references = [ctypes.byref(rectangle) for rectangle in self.array]

    def of(self, textpage: Any, indices: list[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return `(len(indices), 4)`: left, top, right, bottom of the characters, in points."""
        if len(indices) > len(self.references):
            self._grow(2 * len(indices))
        handle = ctypes.byref(textpage.contents)
        found = list(map(_loose_box, repeat(handle), indices, self.references))
        boxes = np.frombuffer(self.array, np.float32, 4 * len(indices)).reshape(-1, 4).copy()
        if not all(found):
            boxes[~np.array(found, dtype=bool)] = 0.0
        return boxes


_rectangles = _Rectangles()


def read(page: Any, dpi: int) -> TextLayer | None:
    """Return the page's text layer, an empty one for a blank page, None for a page that has to be recognised.

    Args:
        page: a `pypdfium2.PdfPage`.
        dpi: resolution of the pixels that boxes are in.
    """
    textpage = pdfium.FPDFText_LoadPage(page)
    if not textpage:
        return None
    try:
        raw, count = _raw_text(textpage)
        if not usable(page, textpage, raw, count - len(raw)):
            return None
        return _layer(page, textpage, raw, count, dpi)
    finally:
        pdfium.FPDFText_ClosePage(textpage)


# --- the words


def _raw_text(textpage: Any) -> tuple[str, int]:
    """Return the text as pdfium gives it, and how many characters it counts (some have no text)."""
    count = pdfium.FPDFText_CountChars(textpage)
    if count <= 0:
        return "", 0
    # A character outside the first 65,536 takes two units.
    buffer = (ctypes.c_ushort * (2 * count + 1))()
    units = pdfium.FPDFText_GetText(textpage, 0, count, buffer)
    return bytes(memoryview(buffer)[: max(0, units - 1)]).decode("utf-16-le", "ignore"), count


def _layer(page: Any, textpage: Any, raw: str, count: int, dpi: int) -> TextLayer | None:
    width, height = guard.rendered_size(page.get_size(), dpi)
    spans, words = _words(raw)
    # Where each word begins, and its last character: a first, a last, a first, ...
    indices: list[int] = (spans - np.array([0, 1])).ravel().tolist()
    if len(raw) != count:
        indices = [pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, index) for index in indices]
    boxes = _points(textpage, indices)
    pixels, inside = _pixels(boxes, page, dpi, (width, height))
    if not inside.all():  # beyond the page's edge: nobody sees it
        raw = _without(raw, spans[~inside].tolist())
        if not usable(page, textpage, raw, 0):
            return None
        words = [word for word, kept in zip(words, inside, strict=True) if kept]
        pixels = pixels[inside]
    return TextLayer(clean(raw), clean_words(words), pixels.tolist(), width, height, dpi)


def _words(raw: str) -> tuple[Spans, list[str]]:
    """Return `(words, 2)`, where each word starts and ends in the text, and the words."""
    if any(mark in raw for mark in HYPHENS):
        matches = list(_HYPHENATED_WORD.finditer(raw))
        spans = np.array([match.span() for match in matches], dtype=np.int64).reshape(-1, 2)
        return spans, [match.group() for match in matches]
    codes = np.frombuffer(raw.encode("utf-32-le"), np.uint32)
    within = np.zeros(len(codes) + 2, np.int8)
    within[1:-1] = ~_IS_SPACE[np.minimum(codes, _LAST_SPACE + 1)]
    return np.flatnonzero(np.diff(within)).reshape(-1, 2), raw.split()


def _points(textpage: Any, indices: list[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return `(words, 4)`: left, bottom, right, top in points, from the first and last characters of each."""
    ends = _rectangles.of(textpage, indices)
    first, last = ends[0::2], ends[1::2]
    boxes = np.empty((len(first), 4), np.float32)
    np.minimum(first[:, 0], last[:, 0], out=boxes[:, 0])
    np.minimum(first[:, 3], last[:, 3], out=boxes[:, 1])
    np.maximum(first[:, 2], last[:, 2], out=boxes[:, 2])
    np.maximum(first[:, 1], last[:, 1], out=boxes[:, 3])
    return boxes


def _pixels(
    boxes: np.ndarray[Any, np.dtype[np.float32]], page: Any, dpi: int, size: tuple[int, int]
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Map boxes in points to whole pixels of the rendered page, and tell which of them lie on it.

    A page is shown by its crop box, turned clockwise by its /Rotate; pixels count from the top left.
    """
    left, bottom, right, top = page.get_bbox()
    x0, y0, x1, y1 = boxes.T
    sides = {
        0: (x0 - left, top - y1, x1 - left, top - y0),
        90: (y0 - bottom, x0 - left, y1 - bottom, x1 - left),
        180: (right - x1, y0 - bottom, right - x0, y1 - bottom),
        270: (top - y1, right - x1, top - y0, right - x0),
    }[page.get_rotation()]
    scaled = np.stack(sides, axis=1) * guard.scale(dpi)
    width, height = size
    inside = (scaled[:, 0] < width) & (scaled[:, 1] < height) & (scaled[:, 2] > 0) & (scaled[:, 3] > 0)
    scaled[:, :2] = np.floor(scaled[:, :2])
    scaled[:, 2:] = np.ceil(scaled[:, 2:])
    return np.clip(scaled, 0, [width, height, width, height]).astype(np.int64), inside


def _without(text: str, spans: list[list[int]]) -> str:
    kept, position = [], 0
    for start, end in spans:
        kept.append(text[position:start])
        position = end
    rest = "".join([*kept, text[position:]])
    return rest if rest.strip() else ""
