"""PDF pages: opened, measured before they are rendered, rendered in grey."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

from shared.errors import CorruptFile, NoPages, PasswordRequired, TwolaneError, UnreadableDocument, WrongPassword
from shared.values import DocumentFlag
from workers.ocr import attachments, guard, signatures, text_layer
from workers.ocr.images import Raster
from workers.ocr.text_layer import TextLayer
from workers.ocr.text_trust import shows_more

_TAIL_BYTES: Final = 2048
"""Where a PDF must end: Acrobat looks for `%%EOF` in the last 1,024 bytes; twice that forgives appended junk."""

_ENDING: Final = re.compile(rb"%%EOF|startxref\s+\d+\s")


_LEAST_POINTS: Final = 0.01
"""A page less wide or high has no size."""


class PdfDocument:
    """A PDF file.

    Raises:
        CorruptFile: damaged or truncated.
        PasswordRequired: encrypted, and no password was given.
        WrongPassword: encrypted, and the password does not open it.
        NoPages: a document of no pages.
    """

    def __init__(self, path: Path, password: str | None, dpi: int, max_pixels: int) -> None:
        self._path, self._password = path, password
        self._dpi = dpi
        self._max_pixels = max_pixels
        _check_ending(path)
        try:
            self._pdf = pypdfium2.PdfDocument(path, password=password)
        except pypdfium2.PdfiumError as error:
            raise _opening_error(error.err_code, password) from error
        self.page_count = len(self._pdf)
        if self.page_count < 1:
            raise NoPages("The PDF has no pages.")
        if self._pdf.get_formtype() != pdfium.FORMTYPE_NONE:
            self._pdf.init_forms()  # else what people filled in is not drawn
        self.flags = frozenset(self._flags())

    def raster(self, number: int) -> Raster:
        """Render page `number`, at less than the usual resolution if it is very large.

        Raises:
            CorruptFile: this page is damaged.
            PageTooLarge: it has too many pixels even at `guard.LEAST_DPI`.
        """
        with self._page(number) as page:
            dpi = guard.affordable_dpi(page.get_size(), self._dpi, self._max_pixels)
            bitmap = page.render(scale=guard.scale(dpi), grayscale=True)
            return Raster(bitmap.to_pil(), dpi)  # no copy: the image holds on to pdfium's buffer

    def text_layer(self, number: int) -> TextLayer | None:
        """Return the text page `number` carries, or None if it has to be recognised.

        Raises:
            CorruptFile: this page is damaged.
            PageTooLarge: nobody could render it.
        """
        with self._page(number) as page:
            if shows_more(page, self._pdf.formenv):
                return None
            dpi = guard.affordable_dpi(page.get_size(), self._dpi, self._max_pixels)
            return text_layer.read(page, dpi)

    def e_invoice(self) -> bytes | None:
        """Return the XML of the invoice the PDF carries, if it can be taken out of it."""
        return attachments.invoice_xml(self._path, self._password)

    def close(self) -> None:
        """Close the file."""
        self._pdf.close()

    def _flags(self) -> Iterator[DocumentFlag]:
        if self._pdf.get_formtype() != pdfium.FORMTYPE_NONE and signatures.signed(self._path, self._password):
            yield DocumentFlag.SIGNED
        if pdfium.FPDF_GetSecurityHandlerRevision(self._pdf) >= 0:
            yield DocumentFlag.ENCRYPTED
        if self._pdf.get_formtype() != pdfium.FORMTYPE_NONE:
            yield DocumentFlag.FORM
        if attachments.carries_invoice(self._pdf, self._path, self._password):
            yield DocumentFlag.E_INVOICE

    def _page(self, number: int) -> closing[Any]:  # a pypdfium2.PdfPage; the package publishes no types
        try:
            page = self._pdf[number - 1]
            if min(page.get_size()) < _LEAST_POINTS:
                # Its crop box lies beside its paper. Viewers show the paper then; pdfium does when it is told to.
                page.set_cropbox(*page.get_mediabox())
                page.close()
                page = self._pdf[number - 1]
        except pypdfium2.PdfiumError as error:
            raise CorruptFile(f"Page {number} of the PDF is damaged and cannot be loaded.") from error
        return closing(page)


def _check_ending(path: Path) -> None:
    """Refuse a file that stops before a PDF ends: pdfium would repair it silently and lose pages."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 64 * 1024))
        tail = file.read().rstrip(b"\0\r\n\t ")[-_TAIL_BYTES:]
    if not _ENDING.search(tail):
        raise CorruptFile("The PDF stops before its end: it was cut off. Send it again from the source.")


def _opening_error(code: int, password: str | None) -> TwolaneError:
    if code == pdfium.FPDF_ERR_PASSWORD and not password:
        return PasswordRequired("The PDF is encrypted; send its password with it.")
    if code == pdfium.FPDF_ERR_PASSWORD:
        return WrongPassword("The password does not open the PDF.")
    if code == pdfium.FPDF_ERR_SECURITY:
        return UnreadableDocument("The PDF is encrypted in a way that is not supported, perhaps by certificate.")
    if code == pdfium.FPDF_ERR_SUCCESS:  # no error, and no document: what pdfium does about one without pages
        return NoPages("The PDF has no pages.")
    return CorruptFile("The PDF is damaged and cannot be opened.")
