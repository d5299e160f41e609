"""Odd but honest images: every way to store a page's pixels that scanners, fax machines and programs have used."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from tests.support.documents import image

TEXT: Final = "Harbour lights 2468"
PAGE: Final = image(TEXT)


def _saved(picture: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, dpi=(150, 150), **settings)
    return buffer.getvalue()


def deep(bits: int = 16, colours: int = 1) -> np.ndarray[Any, np.dtype[Any]]:
    """The page's samples at 16 bits."""
    samples = np.asarray(PAGE).astype(np.uint16) * ((1 << bits) // 256)
    return np.stack([samples] * colours, axis=-1) if colours > 1 else samples


def by_opencv(suffix: str, samples: np.ndarray[Any, np.dtype[Any]], *settings: int) -> bytes:
    """What OpenCV makes of the samples: kinds that Pillow cannot write."""
    done, data = cv2.imencode(suffix, samples, settings)
    assert done
    return data.tobytes()


def float_tiff(white: float, *, holes: bool = False) -> bytes:
    """32-bit float samples from 0 to `white`; `holes` puts samples that are no numbers into a corner."""
    samples = np.asarray(PAGE, np.float32) / 255 * white
    if holes:
        samples[:4, :4] = np.nan
        samples[:4, 4:8] = np.inf
        samples[:4, 8:12] = -np.inf
    return _saved(Image.fromarray(samples), "TIFF")


def plain_cmyk_jpeg() -> bytes:
    """CMYK as it is, without Adobe's mark; Adobe's programs store it inverted, and say so."""
    inverted = PAGE.convert("CMYK").point(lambda level: 255 - level)
    data = _saved(inverted, "JPEG", quality=95)
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :]


def clear_palette() -> bytes:
    """A palette whose paper is transparent and whose colour beneath is black."""
    picture = PAGE.point(lambda level: 0 if level > 128 else 1).convert("P")
    picture.putpalette([0, 0, 0, 10, 10, 10])
    return _saved(picture, "PNG", transparency=0)


def animation(kind: str) -> bytes:
    """The page, then 30 frames of something else."""
    others = [Image.new("L", PAGE.size, 8 * number) for number in range(30)]
    return _saved(PAGE, kind, save_all=True, append_images=others)


def tiff(strips: list[bytes], *, tiled: int = 0, byte_order: str = "<", **tags: int | tuple[int, ...]) -> bytes:
    """A TIFF of the page's size with these strips, or tiles of `tiled` pixels a side; `tags` as `t262=1`."""
    data, offsets = bytearray(b"\0" * 8), []
    for strip in strips:
        offsets.append(len(data))
        data += strip + b"\0" * (len(strip) % 2)
    where, lengths = (324, 325) if tiled else (273, 279)
    entries: dict[int, tuple[int, ...]] = {
        256: (PAGE.width,),
        257: (PAGE.height,),
        258: (8,),
        259: (1,),
        262: (1,),
        277: (1,),
        where: tuple(offsets),
        lengths: tuple(map(len, strips)),
    }
    entries |= {322: (tiled,), 323: (tiled,)} if tiled else {278: (PAGE.height,)}
    for name, value in tags.items():
        entries[int(name[1:])] = value if isinstance(value, tuple) else (value,)
    directory = struct.pack(byte_order + "H", len(entries))
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"{byte_order}{len(values)}I", *values)
        if len(values) > 1:
            packed, position = struct.pack(byte_order + "I", len(data)), len(data)
            data[position:] = struct.pack(f"{byte_order}{len(values)}I", *values)
        directory += struct.pack(byte_order + "HHI", tag, 4, len(values)) + packed
    mark = b"II*\0" if byte_order == "<" else b"MM\0*"
    data[:8] = mark + struct.pack(byte_order + "I", len(data))
    return bytes(data) + directory + b"\0" * 4


def tiles(side: int) -> list[bytes]:
    """The page cut into tiles, row by row, the last ones filled up with black."""
    columns, rows = -(-PAGE.width // side), -(-PAGE.height // side)
    cut = (PAGE.crop((x * side, y * side, (x + 1) * side, (y + 1) * side)) for y in range(rows) for x in range(columns))
    return [tile.tobytes() for tile in cut]


def ycbcr_tiff() -> bytes:
    """Uncompressed YCbCr of full resolution."""
    return tiff([PAGE.convert("RGB").convert("YCbCr").tobytes()], t258=(8, 8, 8), t262=6, t277=3, t530=(1, 1))


def planar_tiff() -> bytes:
    """Red, then green, then blue, each on its own."""
    return tiff([PAGE.tobytes()] * 3, t258=(8, 8, 8), t262=2, t277=3, t284=2)


def jpeg_tiff() -> bytes:
    """A TIFF that wraps a JPEG."""
    return tiff([_saved(PAGE, "JPEG", quality=95)], t259=7)


def old_jpeg_tiff() -> bytes:
    """A TIFF that wraps a JPEG the old way, which no two programs did alike."""
    data = _saved(PAGE, "JPEG", quality=95)
    return tiff([data], t259=6, t513=8, t514=len(data))


def noted_png() -> bytes:
    """A PNG with five megabytes of an image editor's notes, packed to little."""
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("XML:com.adobe.xmp", "<history/>" * 500_000, zip=True)
    return _saved(PAGE, "PNG", pnginfo=notes)


def frames(count: int) -> bytes:
    """A TIFF of so many frames of one pixel."""
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    size = len(body) + 4
    following = (8 + number * size for number in range(1, count))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(body + struct.pack("<I", end) for end in (*following, 0))


ODD: Final[dict[str, Callable[[], bytes]]] = {
    "CMYK JPEG, inverted as Adobe does": lambda: _saved(PAGE.convert("CMYK"), "JPEG", quality=95),
    "CMYK JPEG, as it is": plain_cmyk_jpeg,
    "CMYK TIFF": lambda: _saved(PAGE.convert("CMYK"), "TIFF", compression="tiff_lzw"),
    "progressive JPEG": lambda: _saved(PAGE.convert("RGB"), "JPEG", progressive=True),
    "16-bit grey PNG": lambda: by_opencv(".png", deep()),
    "16-bit colour PNG": lambda: by_opencv(".png", deep(colours=3)),
    "16-bit colour PNG with alpha": lambda: by_opencv(
        ".png", np.dstack([deep(colours=3), np.full((PAGE.height, PAGE.width), 65535, np.uint16)])
    ),
    "16-bit colour TIFF": lambda: by_opencv(".tif", deep(colours=3)),
    "12 bits of 16, TIFF": lambda: by_opencv(".tif", deep(12)),
    "float TIFF up to 1": lambda: float_tiff(1.0),
    "float TIFF up to 10,000": lambda: float_tiff(10_000.0),
    "float TIFF with holes": lambda: float_tiff(1.0, holes=True),
    "transparent palette": clear_palette,
    "LAB TIFF": lambda: _saved(Image.merge("LAB", [PAGE, *[Image.new("L", PAGE.size, 128)] * 2]), "TIFF"),
    "1-bit PNG": lambda: _saved(PAGE.convert("1"), "PNG"),
    "fax TIFF, group 3": lambda: _saved(PAGE.convert("1"), "TIFF", compression="group3"),
    "fax TIFF, group 4": lambda: _saved(PAGE.convert("1"), "TIFF", compression="group4"),
    "white-is-zero TIFF": lambda: tiff([PAGE.point(lambda level: 255 - level).tobytes()], t262=0),
    "big-endian TIFF": lambda: tiff([PAGE.tobytes()], byte_order=">"),
    "tiled TIFF": lambda: tiff(tiles(64), tiled=64),
    "TIFF of many strips": lambda: tiff(
        [PAGE.crop((0, y, PAGE.width, y + 1)).tobytes() for y in range(PAGE.height)], t278=1
    ),
    "TIFF of planes": planar_tiff,
    "YCbCr TIFF": ycbcr_tiff,
    "JPEG in TIFF": jpeg_tiff,
    "JPEG in TIFF, the old way": old_jpeg_tiff,
    "PNG with long notes": noted_png,
    "animated GIF": lambda: animation("GIF"),
    "animated WebP": lambda: animation("WEBP"),
    "bottom-up BMP of 24 bits": lambda: _saved(PAGE.convert("RGB"), "BMP"),
}
"""Each says `TEXT`."""
