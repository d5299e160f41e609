"""The use case: the fields of a document are looked for among its stored words, by the best extractor there is.

That is its own data where it is an e-invoice, then the model that the settings name, then rules, which never fail. An
extractor that can't is passed over, and why is kept with what the next one found.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from uuid import UUID

import orjson

from shared.adapters.s3 import S3Store
from shared.bootstrap import Services
from shared.config import Extraction
from shared.errors import EInvoiceUnusable, ObjectMissing, TwolaneError
from shared.models import Document, Page
from shared.services.extracting import e_invoice_key
from shared.services.extractions import Outcome
from shared.values import DocumentFlag
from workers.extraction.checked import as_json
from workers.extraction.e_invoice import EInvoice
from workers.extraction.extractor import Extractor, Rules
from workers.extraction.llm import Llm
from workers.extraction.values import PageWords
from workers.job import Run
from workers.ocr.engine import Word

log = logging.getLogger(__name__)


@cache
def settings() -> Extraction:
    """Who finds fields here."""
    return Extraction()


def extract_invoice(document_id: UUID, run: Run) -> None:
    """Find the fields of a document and keep them.

    Raises:
        DocumentGone, LeaseLost: stop.
        Transient: try again.
    """
    extractions = run.services.extractions
    document = extractions.begin(document_id)
    pages = [_words(page, run.services.store) for page in extractions.pages(document_id)]
    run.check()
    outcome = _looked_for(document, pages, run)
    run.check()
    extractions.finish(document, outcome)
    log.info("fields looked for", extra={"document_id": document_id, "extractor": outcome.extractor})


def _words(page: Page, store: S3Store) -> PageWords:
    raw = b"[]"
    if page.words_key and page.words_length:
        raw = store.get(page.words_key, (page.words_offset or 0, page.words_length))
    words = [Word(word["text"], word["confidence"], tuple(word["box"])) for word in orjson.loads(raw)]
    return PageWords(page.number, page.width or 0, page.height or 0, page.text or "", words)


def _looked_for(document: Document, pages: Sequence[PageWords], run: Run) -> Outcome:
    """Take the first extractor that can."""
    fallback: TwolaneError | None = None
    micros = 0
    for extractor in _extractors(document, run.services):
        try:
            invoice = extractor.extract(pages)
        except TwolaneError as error:
            log.warning("%s could not find the fields: %s", extractor.name, error)
            fallback = fallback or error
            run.check()
        else:
            return Outcome(extractor.name, as_json(invoice), micros + extractor.micros, fallback)
        micros += extractor.micros
    raise AssertionError("the last extractor never fails")


def _extractors(document: Document, services: Services) -> Iterator[Extractor]:
    """Yield what may find the fields, the best first; each is made when its turn comes."""
    if DocumentFlag.E_INVOICE in document.flags:
        yield EInvoice(lambda: _e_invoice(document, services.store))
    if settings().extractor == "llm":
        yield Llm(services, settings())
    yield Rules()


def _e_invoice(document: Document, store: S3Store) -> bytes:
    try:
        return store.get(e_invoice_key(document.id))
    except ObjectMissing as error:
        message = "The XML that the PDF carries is larger than 5 MiB, or could not be taken out of it."
        raise EInvoiceUnusable(message) from error
