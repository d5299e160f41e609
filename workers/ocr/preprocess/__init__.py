"""Making a page easier to read: upright, straight, evenly lit, free of specks, of a good size, without surroundings.

Each step is a switch, leaves alone what does not need it, and says how what it made lies on what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2

from workers.ocr.engine import PageImage
from workers.ocr.pages import ReadOptions
from workers.ocr.preprocess.cleaning import clean
from workers.ocr.preprocess.cropping import crop
from workers.ocr.preprocess.denoising import denoise
from workers.ocr.preprocess.sizing import PRINT_DPI, normalize
from workers.ocr.preprocess.straightening import deskew, skew

__all__ = ["clean", "crop", "denoise", "deskew", "normalize", "prepare", "skew"]

Orientation = Callable[[PageImage], int]
"""By how many degrees clockwise a page must be turned: 0, 90, 180 or 270."""

cv2.setNumThreads(1)  # its pool of threads would be missing in a forked process


def prepare(page: PageImage, options: ReadOptions, orientation: Orientation) -> PageImage:
    """Return the page prepared as asked; the same page if nothing had to be done.

    The order is that in which steps help each other: what is not paper goes first, noise is seen best on even paper,
    and everything is measured before a page is scaled.
    """
    for step in _steps(options, orientation):
        page = step(page)
    return page


def _steps(options: ReadOptions, orientation: Orientation) -> Iterator[Callable[[PageImage], PageImage]]:
    if options.crop:
        yield _cropped
    if options.clean:
        yield lambda page: page.changed(clean(page.image()))
    if options.denoise:
        yield lambda page: page.changed(denoise(page.image()))
    if options.rotate:
        yield lambda page: page.turned(degrees) if (degrees := orientation(page)) else page
    if options.deskew:
        yield _straight
    if options.normalize:
        yield _sized


def _cropped(page: PageImage) -> PageImage:
    return page.changed(*crop(page.image()))


def _straight(page: PageImage) -> PageImage:
    return page.changed(*deskew(page.image()))


def _sized(page: PageImage) -> PageImage:
    """Scale the page; boxes then count dots of the new resolution, and so does where they lie on the original."""
    image, dpi = normalize(page.image(), page.dpi)
    if image is page.image():
        return page
    a, b, c, d, e, f = page.transform
    denser = dpi / page.dpi
    across, down = (denser * old / new for old, new in zip((page.width, page.height), image.size, strict=True))
    sized = page.changed(image)
    sized.dpi, sized.print_dpi = dpi, PRINT_DPI
    sized.transform = (a * across, b * down, c * denser, d * across, e * down, f * denser)
    return sized
