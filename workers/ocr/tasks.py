"""OCR jobs; declarations only."""

from __future__ import annotations

from shared.contracts import MakeOutput, OcrClose, OcrDocument, OcrPages, QuoteDocument
from workers.job import Run, job
from workers.ocr import process, quote
from workers.ocr.outputs import making


@job(OcrDocument)
def ocr_document(message: OcrDocument, run: Run) -> None:
    """Open a document, write its ledger, take what carries text, read the rest or fan it out."""
    process.read_document(message.document_id, run)


@job(OcrPages)
def ocr_pages(message: OcrPages, run: Run) -> None:
    """Read one chunk of a document."""
    process.read_chunk(message.document_id, message.chunk, run)


@job(QuoteDocument)
def ocr_quote(message: QuoteDocument, run: Run) -> None:
    """Look into a file without reading it, and reckon what reading it would take and cost."""
    quote.look(message.quote_id, run)


@job(OcrClose)
def ocr_close(message: OcrClose, run: Run) -> None:
    """Assemble the outputs of a document whose pages are all final, and close it."""
    process.close_if_complete(message.document_id, run)


@job(MakeOutput)
def make_output(message: MakeOutput, run: Run) -> None:
    """Write one output of a final document from its stored pages."""
    making.make_output(message.document_id, message.format, run)
