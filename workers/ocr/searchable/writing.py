"""One searchable PDF, written in the reading process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pikepdf

from shared.errors import CorruptFile, PageTooLarge
from workers.ocr.images import ImageDocument
from workers.ocr.pages import OpenDocument
from workers.ocr.pdf import PdfDocument
from workers.ocr.searchable import archive, lines
from workers.ocr.searchable.overlay import TextLayerWriter
from workers.ocr.searchable.pictures import PictureWriter
from workers.ocr.searchable.request import PagesWritten, WritePdf

_BATCH: Final = 32
"""Pages of an image that lie in one file on their way: each is an open file until all are put together."""

_REPORT_EVERY: Final = 16
"""Pages between two signs of life: the worker waits for each only so long."""


class PdfWriter:
    """Writes the searchable PDF of one open document.

    Args:
        opening: how it was opened.
        document: the same file, open for reading.
    """

    def __init__(self, opening: OpenDocument, document: PdfDocument | ImageDocument) -> None:
        self._opening = opening
        self._scratch = opening.scratch
        self._document = document

    def write(self, request: WritePdf) -> Iterator[PagesWritten]:
        """Write it, with a sign of life now and then; the last one is `done`.

        Raises:
            CorruptFile: it can be read, but not be written again.
            NotArchivable: a PDF/A was asked for, and it can't be one.
        """
        with ExitStack() as stack:
            if isinstance(self._document, PdfDocument):
                pdf = stack.enter_context(self._opened())
            else:
                yield from self._pictures(self._document, request)
                pdf = stack.enter_context(pikepdf.new())
                for part in sorted(self._scratch.glob("pictures-*.pdf")):
                    pdf.pages.extend(stack.enter_context(pikepdf.open(part)).pages)
            yield from self._lay(pdf, request)
            if request.archival:
                archive.make_archival(pdf, request.title)
            save(pdf, request.target, min_version="1.7" if request.archival else "1.5")
        for part in self._scratch.glob("pictures-*.pdf"):
            part.unlink()
        yield PagesWritten(self._document.page_count, done=True)

    def _opened(self) -> pikepdf.Pdf:
        try:
            pdf = pikepdf.open(self._opening.source, password=self._opening.options.password or "")
        except pikepdf.PdfError as error:
            message = "The PDF can be read, but is too damaged to be written with text."
            raise CorruptFile(message) from error
        if len(pdf.pages) != self._document.page_count:
            pdf.close()
            raise CorruptFile("The PDF is damaged: which pages it has cannot be told for sure.")
        return pdf

    def _lay(self, pdf: pikepdf.Pdf, request: WritePdf) -> Iterator[PagesWritten]:
        writer = TextLayerWriter(pdf)
        for words in lines.load(request.words):
            writer.put(pdf.pages[words.number - 1], words)
            if words.number % _REPORT_EVERY == 0:
                yield PagesWritten(words.number)
        writer.finish()

    def _pictures(self, document: ImageDocument, request: WritePdf) -> Iterator[PagesWritten]:
        """Write the frames of an image as PDF files of a few pages each."""
        dpi = {words.number: words.dpi for words in lines.load(request.words)}
        writer = PictureWriter(self._opening, document, dpi, archival=request.archival)
        for first in range(1, document.page_count + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, document.page_count + 1))
            with ExitStack() as stack, pikepdf.new() as part:
                for number in numbers:
                    yield PagesWritten(number)
                    part.pages.extend(stack.enter_context(self._page(writer, number)).pages)
                save(part, self._scratch / f"pictures-{first:06d}.pdf")

    def _page(self, writer: PictureWriter, number: int) -> pikepdf.Pdf:
        """Give one frame as a PDF of one page; an empty one where it can't be decoded, as its text is empty too."""
        path = self._scratch / f"picture-{number % _BATCH}.pdf"
        try:
            writer.write(number, path)
        except (CorruptFile, PageTooLarge):
            empty = pikepdf.new()
            empty.add_blank_page()
            return empty
        return pikepdf.open(path)


def save(pdf: pikepdf.Pdf, target: Path, min_version: str = "") -> None:
    """Write a PDF: streams as they are, without encryption, its metadata left alone."""
    pdf.save(
        target,
        min_version=min_version,
        encryption=False,
        fix_metadata_version=False,
        compress_streams=False,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
    )
