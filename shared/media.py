"""What a file is, told from its first bytes: never from its name, never from what the client calls it.

No third-party imports: the API asks this before it stores anything, the worker asks it again before it opens anything.
"""

from __future__ import annotations

from typing import Final

PDF: Final = "application/pdf"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
BMP: Final = "image/bmp"
GIF: Final = "image/gif"
WEBP: Final = "image/webp"

MEDIA_TYPES: Final = frozenset({PDF, PNG, JPEG, TIFF, BMP, GIF, WEBP})
"""Everything that is read here."""

SUPPORTED: Final = "PNG, JPEG, TIFF, BMP, GIF, WebP or PDF"
"""The same, as a sentence says it."""

HEAD_BYTES: Final = 1024
"""How many leading bytes `sniff` wants. A PDF header may lie that deep (PDF 1.7, annex H)."""

# In the order they are tried; each signature is the format's own, as its specification fixes it.
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
)

# Sizes of the BITMAPINFOHEADER family: they tell a bitmap from a text that happens to start with "BM".
_BMP_HEADER_SIZES: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def sniff(head: bytes) -> str | None:
    """Return the media type of a file that starts with `head`, or None for anything we do not read.

    Args:
        head: the first `HEAD_BYTES` bytes, or the whole file if it is shorter.
    """
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return BMP
    if b"%PDF-" in head[:HEAD_BYTES]:
        return PDF
    return None
