"""Documents to read, made on the spot: no binary lies in the repository."""

from __future__ import annotations

from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from workers.ocr.sandbox import ReadLimits

LIMITS = ReadLimits(page_timeout_seconds=30, max_page_pixels=100_000_000, max_pages=3000, render_dpi=300)

PARAGRAPH = (
    "The committee met on the fourth of March to review the annual accounts. It found the figures to be in good "
    "order and thanked the treasurer for the care with which they had been kept. A copy of the report was sent to "
    "every member."
)


def text_image(text: str, size: tuple[int, int] = (1200, 300), font_size: float = 48) -> Image.Image:
    """A grey page with the text near its top left corner."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((50, 50), text, font=ImageFont.load_default(font_size), fill=0)
    return image


def page_image() -> Image.Image:
    """A page of a letter at 150 dpi, black on white."""
    lines = [PARAGRAPH[start : start + 60] for start in range(0, len(PARAGRAPH), 60)] * 5
    return text_image("\n".join(lines), (1240, 1754), 28)


def saved(image: Image.Image, path: Path, **parameters: object) -> Path:
    """The path, with the image in it; its suffix names the format."""
    image.save(path, **parameters)  # type: ignore[arg-type]  # each format takes its own
    return path


def pdf_of(texts: list[str], path: Path, **settings: object) -> Path:
    """A born-digital PDF, a page a text; `settings` go to fpdf2's `FPDF`."""
    pdf = FPDF(**settings)  # type: ignore[arg-type]  # likewise
    pdf.set_font("Helvetica", size=12)
    for text in texts:
        pdf.add_page()
        if text:
            pdf.multi_cell(0, 6, text)
    path.write_bytes(pdf.output())
    return path


def bare_pdf(
    pages: int, path: Path, *, extra: bytes = b"", content: bytes = b"", media_box: bytes = b"0 0 612 792"
) -> Path:
    """The smallest PDF with so many pages, each with `extra` entries and `content` operators; Helvetica is /F1."""
    kids = b" ".join(b"%d 0 R" % (number + 5) for number in range(pages))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
    ]
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<</Font<</F1 3 0 R>>>>%s>>"
    objects += [page % (media_box, extra)] * pages
    return _assembled(objects, path)


def _assembled(objects: list[bytes], path: Path) -> Path:
    data, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    data += b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\n" % (size, table, size)
    path.write_bytes(data + b"startxref\n%d\n%%%%EOF\n" % data.index(b"xref\n0 "))
    return path


def program(path: Path, script: str) -> Path:
    """An executable shell script."""
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path
