"""Files that should not be, made byte by byte."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from fpdf import FPDF

from tests.support.documents import encoded, image


def truncated_jpeg() -> bytes:
    """A JPEG whose second half never arrived."""
    whole = encoded(image("Half of this is missing"), "JPEG")
    return whole[: len(whole) // 2]


def text_pdf(password: str | None = None) -> bytes:
    """A born-digital page, encrypted if there is a password."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=14)
    pdf.cell(text="Confidential: the harbour lights are green tonight.")
    if password:
        pdf.set_encryption(owner_password="owner-" + password, user_password=password)
    return bytes(pdf.output())


def half_pdf() -> bytes:
    """A PDF whose second half never arrived."""
    whole = text_pdf()
    return whole[: len(whole) // 2]


def empty_pages_pdf(count: int) -> bytes:
    """A PDF of `count` empty pages."""
    references = " ".join(f"{number} 0 R" for number in range(3, 3 + count))
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>"
    return _pdf([_CATALOG, f"<</Type/Pages/Count {count}/Kids[{references}]>>", *[page] * count])


def huge_page_pdf() -> bytes:
    """A page of 14,400 x 14,400 points with something on it: a few hundred bytes that would render to gigabytes."""
    content = "0 0 14400 14400 re f"
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 14400 14400]/Contents 4 0 R>>"
    stream = f"<</Length {len(content)}>>stream\n{content}\nendstream"
    return _pdf([_CATALOG, "<</Type/Pages/Count 1/Kids[3 0 R]>>", page, stream])


_CATALOG = "<</Type/Catalog/Pages 2 0 R>>"


def _pdf(objects: list[str]) -> bytes:
    """A PDF of these objects, numbered from 1, with a cross-reference table."""
    out, offsets = BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj{body}endobj\n".encode())
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out.write(f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def huge_png(side: int = 50_000) -> bytes:
    """A PNG of `side` x `side` white pixels, whole and valid: a few megabytes of zeros, deflated to little."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = b"\x00" + b"\xff" * ((side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
