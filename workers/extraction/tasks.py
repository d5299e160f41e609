"""Extraction jobs; declarations only."""

from __future__ import annotations

from shared.contracts import ExtractInvoice
from workers.extraction import process
from workers.job import Run, job

TIME_LIMIT_SECONDS = 180
"""For reading words, asking a model (60 s at most) and looking for fields (a second)."""


@job(ExtractInvoice, time_limit=TIME_LIMIT_SECONDS)
def extract_invoice(message: ExtractInvoice, run: Run) -> None:
    """Find the fields of an invoice or receipt in a document that was read."""
    process.extract_invoice(message.document_id, run)
