"""Images as pages: PNG, JPEG, BMP, every frame of a TIFF, the first of a GIF or WebP; decoded to grey."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageOps, PngImagePlugin, TiffImagePlugin

from shared import media
from shared.errors import CorruptFile, NoPages, PageTooLarge
from shared.values import DocumentFlag
from workers.ocr import guard, tiff

FORMATS: Final = {
    media.PNG: "PNG",
    media.JPEG: "JPEG",
    media.TIFF: "TIFF",
    media.BMP: "BMP",
    media.GIF: "GIF",
    media.WEBP: "WEBP",
}
"""Media types read here, with Pillow's names: no other of its decoders ever sees an upload."""

SANE_DPI: Final = range(70, 1201)
"""What scanners and programs write; anything else is a default, a mistake or an aspect ratio."""

_LETTER_INCHES: Final = 11.0
"""The long side of the paper most photographs of documents show; A4 is 11.7."""

_WHITE: Final = 255

_NOTES_BYTES: Final = 64 * 1024**2
"""Text and profiles beside a PNG's pixels, unpacked; what image editors leave there can be many megabytes."""

_OLD_JPEG: Final = 6
_COMPRESSION, _JPEG_START, _JPEG_LENGTH = 259, 513, 514  # tags of a TIFF


@dataclass(frozen=True, slots=True)
class Raster:
    """One page as pixels: 8-bit grey (Pillow mode `L`), upright as its file says, at `dpi`."""

    image: Image.Image
    dpi: int


class ImageDocument:
    """An image file; `page_count` is its number of frames where frames are pages (TIFF), else 1.

    Raises:
        CorruptFile: the file is not an image of the format its first bytes promise.
        NoPages: it holds none.
    """

    def __init__(self, path: Path, media_type: str, max_pixels: int) -> None:
        # The guard is ours, by our limits and before decoding; Pillow's own would only warn.
        Image.MAX_IMAGE_PIXELS = None
        # Pillow's own decoder of uncompressed TIFF garbles pages that lie on their side (orientation 5 to 8).
        TiffImagePlugin.READ_LIBTIFF = True
        PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _NOTES_BYTES
        warnings.simplefilter("ignore")  # damaged metadata is no reason not to read the page
        self._max_pixels = max_pixels
        try:
            if media_type == media.PNG:
                _check_png(path)
            self._image = Image.open(path, formats=[FORMATS[media_type]])
            self.page_count = tiff.count_frames(path) if media_type == media.TIFF else 1
        except MemoryError:
            raise
        except Exception as error:
            raise _corrupt(error) from error
        if self.page_count < 1:
            raise NoPages("The image file holds no image.")

    flags: frozenset[DocumentFlag] = frozenset()

    def raster(self, number: int) -> Raster:
        """Decode page `number`.

        Raises:
            CorruptFile: the frame is damaged or truncated.
            PageTooLarge: it has more pixels than we read, or decoding it took more memory than there is.
        """
        try:
            if self._image.format == "TIFF":
                self._image.seek(number - 1)
            guard.check_pixels(*self._image.size, self._max_pixels)
            dpi = _dpi(self._image)
            return Raster(_grey(_old_jpeg(self._image, self._max_pixels) or self._image), dpi)
        except (MemoryError, PageTooLarge, CorruptFile):
            raise
        except Exception as error:
            raise _corrupt(error) from error

    def close(self) -> None:
        """Close the file."""
        self._image.close()


def _check_png(path: Path) -> None:
    """Check the sums of a PNG's critical chunks: Pillow skips those of the pixels, and reads noise from damaged ones.

    Raises:
        OSError: a sum is wrong.
    """
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:  # noqa: PLR2004 - a chunk's length and name
            length, name = int.from_bytes(head[:4]), head[4:]
            found = zlib.crc32(name)
            while length > 0 and (piece := file.read(min(length, 1 << 20))):
                found = zlib.crc32(piece, found)
                length -= len(piece)
            stated = file.read(4)
            if name[:1].isupper() and stated != found.to_bytes(4):
                message = f"wrong checksum or missing data in chunk {name!r}"
                raise OSError(message)
            if name == b"IEND":
                return


def _corrupt(error: Exception) -> CorruptFile:
    """Decoders raise whatever damaged bytes lead them to: OSError, SyntaxError, struct.error, IndexError, ..."""
    return CorruptFile(f"The image is damaged or truncated: {str(error) or type(error).__name__}.")


def _dpi(image: Image.Image) -> int:
    """Return the resolution the file states if it is plausible, else that of a letter page filling the image."""
    stated = image.info.get("dpi")
    if isinstance(stated, tuple) and stated:
        horizontal = round(float(stated[0]))
        if horizontal in SANE_DPI:
            return horizontal
    guess = round(max(image.size) / _LETTER_INCHES)
    return min(max(guess, SANE_DPI.start), SANE_DPI.stop - 1)


def _old_jpeg(frame: Image.Image, max_pixels: int) -> Image.Image | None:
    """Return the JPEG that a TIFF frame of before 1995 wraps, or None for any other frame; libtiff knows few of them.

    Raises:
        Exception: there is no such JPEG where the frame says.
    """
    if not isinstance(frame, TiffImagePlugin.TiffImageFile) or frame.tag_v2.get(_COMPRESSION) != _OLD_JPEG:
        return None
    start, length = frame.tag_v2[_JPEG_START], frame.tag_v2[_JPEG_LENGTH]
    frame.fp.seek(start)  # type: ignore[union-attr]  # the file is open until `close`
    wrapped = Image.open(BytesIO(frame.fp.read(length)), formats=["JPEG"])  # type: ignore[union-attr]  # likewise
    guard.check_pixels(*wrapped.size, max_pixels)
    return wrapped


def _grey(image: Image.Image) -> Image.Image:
    """Decode to 8-bit grey on white, turned as EXIF says."""
    image.draft("L", image.size)  # a JPEG can leave its colours undecoded
    image.load()
    grey = _flat(image)
    turned = image.getexif().get(ExifTags.Base.Orientation, 1)
    if turned == 1 or image.format == "TIFF":  # Pillow turns a TIFF while it decodes it, and may keep the tag
        return grey
    grey.getexif()[ExifTags.Base.Orientation] = turned
    return ImageOps.exif_transpose(grey)


def _flat(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image)
    if image.mode == "L" and "transparency" not in image.info:
        return image.copy()
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("L", image.size, _WHITE)
        white.paste(image.convert("L"), mask=image.getchannel("A"))
        return white
    if image.mode == "CMYK" and image.format in {"JPEG", "MPO"} and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes every CMYK JPEG for one of Adobe's, which are inverted
    # Palettes, CMYK, LAB and the like have no direct way to grey.
    return image.convert("L") if image.mode in {"1", "RGB"} else image.convert("RGB").convert("L")


def _from_deep(image: Image.Image) -> Image.Image:
    """Scale 16- and 32-bit samples to 8 bits, the brightest to white: many scanners use only 12 of the 16."""
    samples = np.asarray(image, dtype=np.float32)
    if image.mode == "F":  # only these have samples that are no numbers
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    brightest = float(samples.max(initial=0.0))
    if brightest > _WHITE or 0.0 < brightest <= 1.0:
        samples = samples * (_WHITE / brightest)
    return Image.fromarray(np.clip(samples, 0, _WHITE).astype(np.uint8))
