"""Image files as PDF pages: their own data where a PDF can hold it, else packed anew without loss."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import img2pdf
from PIL import ExifTags, Image, ImageOps

from shared import media
from shared.errors import CorruptFile, PageTooLarge
from workers.ocr import guard
from workers.ocr.images import FORMATS, SANE_DPI, ImageDocument
from workers.ocr.pages import OpenDocument

logging.getLogger("img2pdf").setLevel(logging.ERROR)  # what it finds odd in a file is nobody's concern

_POINTS: Final = (3.0, 14_400.0)
"""Least and greatest side of a PDF page."""

_UPRIGHT: Final = 1
_TURNED: Final = frozenset({1, 3, 6, 8})
"""EXIF orientations without a mirror, which a page's /Rotate can say."""

_GROUP_4: Final = "group4"
_WHITE: Final = (255, 255, 255)


class PictureWriter:
    """Writes the frames of an image file as pages, one file a frame.

    Args:
        opening: the image's file, and what a page may cost.
        document: the same, open for reading.
        dpi: resolution of each page that was read; others have that of any.
        archival: no colours that an archive's sRGB can't hold.
    """

    def __init__(
        self, opening: OpenDocument, document: ImageDocument, dpi: Mapping[int, int], *, archival: bool
    ) -> None:
        self._path = opening.source
        self._max_pixels = opening.limits.max_page_pixels
        self._document = document
        self._dpi = dpi
        self._archival = archival
        with self._path.open("rb") as file:
            self._media_type = media.sniff(file.read(media.HEAD_BYTES))
        self._image = Image.open(self._path, formats=[FORMATS[self._media_type or ""]])

    def write(self, number: int, target: Path) -> None:
        """Write page `number` as a PDF of one page.

        Raises:
            CorruptFile: it can't be decoded.
            PageTooLarge: it has more pixels than we decode.
        """
        try:
            self._write(number, target)
        except (MemoryError, PageTooLarge, CorruptFile):
            raise
        except Exception as error:  # as of every decoder: whatever damaged bytes lead it to
            raise CorruptFile(f"The image is damaged: {str(error) or type(error).__name__}.") from error

    def _write(self, number: int, target: Path) -> None:
        image = self._image
        if self._media_type == media.TIFF:
            image.seek(number - 1)
        guard.check_pixels(*image.size, self._max_pixels)
        source = self._path if self._whole(image) else self._packed(image, number)
        layout = _Layout(self._resolution(image, number))
        with target.open("wb") as file:
            img2pdf.convert(
                [str(source) if isinstance(source, Path) else source],
                outputstream=file,
                layout_fun=layout,
                rotation=img2pdf.Rotation.ifvalid if isinstance(source, Path) else img2pdf.Rotation.none,
                nodate=True,
                producer="twolane",
                engine=img2pdf.Engine.internal,
            )

    def _whole(self, image: Image.Image) -> bool:
        """Whether the file itself can be put into a PDF as it is."""
        turned = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
        if self._media_type == media.JPEG:
            plain = {"L", "RGB"} if self._archival else {"L", "RGB", "CMYK"}
            return image.mode in plain and turned in _TURNED
        if self._media_type == media.PNG:
            return not image.has_transparency_data and turned == _UPRIGHT
        if self._media_type == media.TIFF:
            single = getattr(image, "n_frames", 1) == 1
            return single and image.info.get("compression") == _GROUP_4 and turned == _UPRIGHT
        return False

    def _packed(self, image: Image.Image, number: int) -> bytes:
        """Decode a page and pack it without loss: CCITT G4 for black and white, PNG for all else."""
        turned = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
        profile = image.info.get("icc_profile")
        image.load()
        if turned != _UPRIGHT and image.format != "TIFF":  # a TIFF is turned while it is decoded
            image = ImageOps.exif_transpose(image)
        buffer = io.BytesIO()
        if image.mode == "1":
            image.save(buffer, "TIFF", compression=_GROUP_4, strip_size=image.width * image.height)
            return buffer.getvalue()
        packed = self._plain(image, number)
        kept = profile if packed.mode == image.mode else None
        packed.save(buffer, "PNG", compress_level=6, icc_profile=kept)
        return buffer.getvalue()

    def _plain(self, image: Image.Image, number: int) -> Image.Image:
        """Return the page in a form that both PNG and PDF know, on white where it is transparent."""
        if image.has_transparency_data:
            layered = image.convert("RGBA")
            opaque = Image.new("RGB", layered.size, _WHITE)
            opaque.paste(layered, mask=layered.getchannel("A"))
            return opaque
        if image.mode in {"L", "RGB", "P", "I;16"}:
            return image
        if image.mode.startswith("I") or image.mode == "F":
            return self._document.raster(number).image  # what has no place in a PDF is shown as it was read
        return image.convert("RGB")

    def _resolution(self, image: Image.Image, number: int) -> tuple[float, float]:
        """Return dots per inch across and down; fax machines differ in the two."""
        read_at = self._dpi.get(number) or next(iter(self._dpi.values()), SANE_DPI.start)
        stated = image.info.get("dpi")
        if isinstance(stated, tuple) and len(stated) == 2:  # noqa: PLR2004 - across and down
            across, down = (round(float(value)) for value in stated)
            if across == read_at and down in SANE_DPI:
                return across, down
        return read_at, read_at


class _Layout:
    """How large a page is whose image has so many pixels, as img2pdf asks for it."""

    def __init__(self, dpi: tuple[float, float]) -> None:
        self._dpi = dpi

    def __call__(self, width: float, height: float, stated: tuple[float, float]) -> tuple[float, float, float, float]:
        del stated
        least, greatest = _POINTS
        across, down = (
            min(max(pixels * 72 / dpi, least), greatest) for pixels, dpi in zip((width, height), self._dpi, strict=True)
        )
        return across, down, across, down
