"""What a file is, from its first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from shared import media


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PNG", media.PNG),
        ("JPEG", media.JPEG),
        ("TIFF", media.TIFF),
        ("BMP", media.BMP),
        ("GIF", media.GIF),
        ("WEBP", media.WEBP),
    ],
)
def test_images_are_told_from_their_first_bytes(name: str, expected: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, name)
    assert media.sniff(buffer.getvalue()[: media.HEAD_BYTES]) == expected


def test_a_pdf_header_may_lie_within_the_first_1024_bytes() -> None:
    assert media.sniff(b"%PDF-1.4\n") == media.PDF
    assert media.sniff(b"\x00" * 1019 + b"%PDF-1.7") == media.PDF
    assert media.sniff(b"\x00" * 1020 + b"%PDF-1.7") is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Dear Sir or Madam,",
        b"BM is how this text begins, which is no bitmap",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"PK\x03\x04",
    ],
)
def test_anything_else_is_nothing_we_read(head: bytes) -> None:
    assert media.sniff(head) is None
