"""PDFs with and without a text layer, built with fpdf2 and its core fonts."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from PIL import Image

from infra.samples import prose
from infra.samples.scanner import fax
from infra.samples.sheet import Sheet

_A4_MM = (210, 297)
# A fixed date keeps the files the same from run to run.
_MADE = datetime(2025, 11, 20, 9, 30, tzinfo=UTC)
_DISTINCT = 12
_COLUMNS_MM = (62, 34, 34, 34)


class Report:
    """A born-digital PDF under construction, with the text of every page so far."""

    def __init__(self) -> None:
        self.pdf = FPDF(format="A4")
        self.pdf.set_creation_date(_MADE)
        self.pdf.set_margin(23)
        self.pdf.set_auto_page_break(auto=False)
        self.pages: list[str] = []

    def page(self) -> None:
        """Begin a page."""
        self.pdf.add_page()
        self.pages.append("")

    def heading(self, text: str, size: float = 15) -> None:
        """Write a heading."""
        self._write(text, "B", size, 9)
        self.pdf.ln(1.5)

    def paragraph(self, text: str, size: float = 11) -> None:
        """Write a paragraph over the width of the page."""
        self._write(text, "", size, size * 0.47)
        self.pdf.ln(2.5)

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Write a ruled table whose first row is its head."""
        for number, row in enumerate(rows):
            self.pdf.set_font("Helvetica", "" if number else "B", 10)
            for column, (text, width) in enumerate(zip(row, _COLUMNS_MM, strict=True)):
                self.pdf.cell(width, 7.5, text, border=1, align="R" if column else "L")
            self.pdf.ln()
            self.pages[-1] += " ".join(row) + "\n"
        self.pdf.ln(4)

    def image_page(self, image: Image.Image, text: str) -> None:
        """A page that is nothing but a picture which says `text`."""
        self.page()
        self.pdf.image(image, 0, 0, *_A4_MM)
        self.pages[-1] = text

    def finish(self) -> tuple[bytes, str]:
        """The PDF, and its text with one form feed between pages."""
        return bytes(self.pdf.output()), "\f".join(self.pages)

    def _write(self, text: str, style: str, size: float, height: float) -> None:
        """Write wrapped text and remember it."""
        self.pdf.set_font("Helvetica", style, size)
        self.pdf.multi_cell(0, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.pages[-1] += f"{text}\n"


def scanned_pdf(pages: int, dpi: int = 300) -> bytes:
    """A PDF of `pages` A4 pages at `dpi`, each a black-and-white picture (CCITT group 4) of about 360 words.

    At most 12 pictures are drawn; longer documents repeat them, so that 300 pages are made in the time of 12.
    """
    return scanned_report(pages, dpi)[0]


def scanned_report(pages: int, dpi: int = 300) -> tuple[bytes, str]:
    """The PDF that `scanned_pdf` makes, and what it says, one form feed between pages."""
    report = Report()
    pictures = [_scanned_page(number, dpi) for number in range(min(pages, _DISTINCT))]
    for number in range(pages):
        report.image_page(*pictures[number % _DISTINCT])
    return report.finish()


def _scanned_page(number: int, dpi: int) -> tuple[Image.Image, str]:
    """Page `number` of a long scanned report: its picture (mode 1) and its text."""
    rng = random.Random(number)  # noqa: S311 - invented prose, not a secret
    sheet = Sheet.a4(dpi)
    sheet.at(50)
    sheet.row([(f"Annual report, section {number + 1}", 64, "left"), (str(101 + number), 531, "right")], 10)
    sheet.skip(14)
    for _ in range(3):
        sheet.line(prose.heading(rng), 64, 14, bold=True)
        sheet.skip(3)
        sheet.paragraph(prose.paragraph(rng, 66), 64, 467)
        sheet.paragraph(prose.paragraph(rng, 38), 64, 467)
        sheet.skip(6)
    return fax(sheet.image, angle=rng.uniform(-0.5, 0.5), seed=number), sheet.text


def born_digital_pdf(pages: int) -> bytes:
    """A PDF of `pages` pages of real text, each different and of about 450 words."""
    report = Report()
    for number in range(pages):
        rng = random.Random(number)  # noqa: S311 - as above
        report.page()
        report.heading(f"{prose.heading(rng)} {number + 1}")
        for _ in range(6):
            report.paragraph(prose.paragraph(rng, 70), 10)
    return report.finish()[0]
