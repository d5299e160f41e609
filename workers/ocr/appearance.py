"""What a page looks like, measured in hundredths of a second before anybody reads it.

Clean office print is black on white with sharp edges, and nearly every connected shape on it is a whole letter.
Receipts, faxes of faxes and photographs are grey, soft, or fall into pieces: thermal and dot-matrix printers leave dots
that do not touch, and a shaded background breaks into stains. Thresholds were found on generated office pages, as they
are and spoilt in a dozen ways, and on scanned receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from workers.ocr.doubts import Ink

cv2.setNumThreads(1)  # its pool of threads would be missing in a forked process

Grey = np.ndarray[Any, np.dtype[np.uint8]]

_SAMPLE_PIXELS: Final = 2_500_000
"""As much of a page is looked at: the band of rows with most ink ..."""

_SAMPLE_WIDTH: Final = 3000
"""... shrunk to this width at most, which is more than 300 dpi on A4."""

_SPECK: Final = 4
_LEAST_LETTER: Final = 6
_FEW_LETTERS: Final = 30
"""With fewer letters nothing can be said of the print; a page nearly empty is cheap with any engine."""

_PRINT: Final = (12.0, 120.0)
"""Pixels a letter is high: lower ones tesseract begins to misread, higher ones are no body text."""
_DPI_A_PIXEL: Final = 12.0
"""Letters of 10 to 12 points are 25 pixels high at 300 dpi, at the median."""

_FAR: Final = 2.0
_LIKELY: Final = (70, 600)

_LEAST_PAPER: Final = 235
_LEAST_CONTRAST: Final = 50
_MOST_SOFT: Final = 0.45
_MOST_BROKEN: Final = 0.35


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a page looks like.

    Attributes:
        ink: how much there is to read, and where it was counted.
        letter_height: median height of letters in pixels; 0.0 without any.
        paper: mean grey of what is lighter than Otsu's threshold, 0-255.
        contrast: by how much ink is darker than paper, 0-255.
        soft: pixels between ink and paper for each pixel of ink; sharp print at 300 dpi has 0.0 to 0.4.
        broken: shapes that are no whole letters for each that is: specks, pieces, stains; prose has some 0.1 of dots.
    """

    ink: Ink
    letter_height: float
    paper: int
    contrast: int
    soft: float
    broken: float

    @property
    def office(self) -> bool:
        """Whether this is print that tesseract reads as well as any engine."""
        return self.ink.letters < _FEW_LETTERS or (
            _PRINT[0] <= self.letter_height <= _PRINT[1]
            and self.paper >= _LEAST_PAPER
            and self.contrast >= _LEAST_CONTRAST
            and self.soft <= _MOST_SOFT
            and self.broken <= _MOST_BROKEN
        )

    def print_dpi(self, stated: int) -> int | None:
        """Return the resolution that the size of the print suggests, if that is far from what is stated."""
        if self.ink.letters < _FEW_LETTERS:
            return None
        likely = min(max(round(_DPI_A_PIXEL * self.letter_height), _LIKELY[0]), _LIKELY[1])
        return None if stated / _FAR <= likely <= stated * _FAR else likely


def of(image: Image.Image) -> Appearance:
    """Look at a page (mode `L`)."""
    grey = np.asarray(image)
    factor = -(-grey.shape[1] // _SAMPLE_WIDTH)
    top, bottom = _inkiest(grey, _SAMPLE_PIXELS * factor**2)
    band = np.ascontiguousarray(grey[top:bottom])
    if factor > 1:
        size = (max(1, band.shape[1] // factor), max(1, band.shape[0] // factor))
        band = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
    threshold, mask = cv2.threshold(band, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink, paper, soft = _greys(band, int(threshold))
    height, letters, others = _shapes(mask)
    return Appearance(
        ink=Ink(letters, top, bottom),
        letter_height=height * factor,
        paper=round(paper),
        contrast=round(paper - ink),
        soft=soft,
        broken=others / letters if letters else 0.0,
    )


def _inkiest(grey: Grey, pixels: int) -> tuple[int, int]:
    """Return the rows to look at, first and last plus one: of a page with more pixels those that vary most."""
    height, width = grey.shape
    rows = max(1, pixels // width)
    if rows >= height:
        return 0, height
    step = 8
    thin = grey[:, :: max(1, width // 256)][::step].astype(np.float32)
    varying = np.concatenate([[0.0], np.cumsum(thin.std(axis=1))])
    span = min(len(thin), max(1, rows // step))
    top = int(np.argmax(varying[span:] - varying[:-span])) * step
    return top, min(height, top + rows)


def _greys(band: Grey, threshold: int) -> tuple[float, float, float]:
    """Return the mean grey of ink and paper, and how much lies between them."""
    counts = cv2.calcHist([band], [0], None, [256], [0, 256]).ravel()
    greys = np.arange(256)
    dark, light = counts[: threshold + 1], counts[threshold + 1 :]
    if not dark.sum() or not light.sum():
        only = float((counts * greys).sum() / counts.sum())
        return only, only, 0.0
    ink = float((dark * greys[: threshold + 1]).sum() / dark.sum())
    paper = float((light * greys[threshold + 1 :]).sum() / light.sum())
    quarter = (paper - ink) / 4
    between = counts[int(ink + quarter) : int(paper - quarter) + 1].sum()
    return ink, paper, float(between / dark.sum()) if quarter > 1 else 0.0


def _shapes(mask: cv2.typing.MatLike) -> tuple[float, int, int]:
    """Return the median height of connected shapes like letters, how many there are of them, and how many others."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    width, height = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    tall = (height >= _LEAST_LETTER) & (height <= mask.shape[0] / 4)
    letters = tall & (width <= 3 * height) & (10 * width >= height)
    count = int(letters.sum())
    return float(np.median(height[letters])) if count else 0.0, count, len(height) - count
