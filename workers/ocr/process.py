"""The use case: a document's pages are read, each once, and the document is closed.

Any step may be the last before a crash. What was read is in the ledger; the next attempt asks the ledger what is left.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from uuid import UUID

from shared import metrics
from shared.bootstrap import services
from shared.config import Reading, Remote
from shared.errors import EngineFailed, PageTimeout, TooManyPages
from shared.models import Document, utcnow
from shared.services import page_range
from shared.services.extracting import e_invoice_key
from shared.services.ledger import DocumentGone
from shared.values import DocumentFlag
from workers.job import LeaseLost, Run
from workers.ocr import outputs, remote, saving, whole
from workers.ocr.outputs import making
from workers.ocr.sandbox import PageFailed, PageRead, Reader, ReadLimits, ReadOptions
from workers.ocr.source import SourceCache

log = logging.getLogger(__name__)

CHUNKS = 32
"""A long document is cut into about so many chunks ..."""

MIN_CHUNK, MAX_CHUNK = 2, 16
"""... of at least 2 pages, so that opening it is worth while, and at most 16, so that a lost one costs little."""

MOST_HANGING = 3
"""Pages of a document that may hang for good, where no more are read, before the chunks to come are not tried."""

_HANGING = frozenset({PageTimeout.code, EngineFailed.code})
_NOT_TRIED = PageTimeout("The page was not tried: more pages of this document took too long than could be read.")


@cache
def settings() -> Reading:
    """What reading may cost here."""
    return Reading()


def read_document(document_id: UUID, run: Run) -> None:
    """Open a document, write its ledger, take pages that carry text, read the rest here or fan it out.

    One whose pages were read before, with the same options, takes them over and is not opened.

    Raises:
        UnreadableDocument: it can't be opened, or is more than we read.
        DocumentGone, LeaseLost: stop.
        Transient: try again.
    """
    ledger = run.services.ledger
    with _clearing_up(document_id):
        document = ledger.begin(document_id)
        if not run.services.reuse.adopt(document) and _read(document, run):
            return  # others go on
    close_if_complete(document_id, run)


def _read(document: Document, run: Run) -> bool:
    """Read what is not read yet, or fan it out; tell whether it was fanned out."""
    ledger = run.services.ledger
    with _reader(document) as reader:
        if document.pages_total is None:
            _keep_e_invoice(document.id, reader, run)
            numbers = selected(document.options["pages"], reader.page_count)
            ledger.open(document.id, reader.page_count, numbers, reader.flags)
        saving.save(document, reader.text_layers(ledger.pending(document.id)), run)
        pending = ledger.pending(document.id)
        if whole.wanted(document, reader, pending):
            saving.save(document, whole.read(document, reader, pending, run), run)
            pending = ledger.pending(document.id)
        if len(pending) > settings().inline_pages:
            ledger.fan_out(document, chunked(pending))
            return True
        saving.save(document, _recognised(document, reader, pending, run), run)
        return False


def _keep_e_invoice(document_id: UUID, reader: Reader, run: Run) -> None:
    """Put aside the XML of an e-invoice while the document is open; without it its words will do."""
    xml = reader.e_invoice() if DocumentFlag.E_INVOICE in reader.flags else None
    if xml is None:
        return
    run.services.store.put(e_invoice_key(document_id), xml, "application/xml")
    if not run.services.ledger.exists(document_id):
        # Deleted, and its files with it, before this one was written.
        run.services.store.delete_prefix(e_invoice_key(document_id))


def read_chunk(document_id: UUID, chunk: int, run: Run) -> None:
    """Read the pages of one chunk that are not final yet.

    Raises:
        DocumentGone, LeaseLost: stop.
        Transient: try again; pages already read are kept.
    """
    with _clearing_up(document_id):
        document = run.services.ledger.get(document_id)
        pending = run.services.ledger.pending(document_id, chunk)
        if pending and _hopeless(document, run):
            saving.save(document, (PageFailed(number, _NOT_TRIED, final=True) for number in pending), run)
        elif pending:
            with _reader(document) as reader:
                saving.save(document, _recognised(document, reader, pending, run), run)
    close_if_complete(document_id, run)


def _hopeless(document: Document, run: Run) -> bool:
    """Tell whether more pages of a document took too long or ended their process than could be read."""
    failed = run.services.ledger.summary(document.id).failed
    hung = sum(code in _HANGING for _, code, _ in failed)
    return hung >= MOST_HANGING and hung > document.pages_done - len(failed)


def close_if_complete(document_id: UUID, run: Run) -> None:
    """Assemble the outputs and close the document, if its last page is final.

    Two readers that finish together may both assemble, with the same bytes; one of them closes.

    Raises:
        DocumentGone: it is closed already.
        Transient: try again.
    """
    ledger = run.services.ledger
    document = ledger.get(document_id)
    if document.pages_total is None or document.pages_done < document.pages_total:
        return
    summary = ledger.summary(document_id)
    if len(summary.failed) < summary.total:
        outputs.assemble(document, summary, ledger, run.services.store)
    if not summary.failed:
        making.make_before_password_goes(document, run)
    if ledger.close(document_id, summary):
        took = utcnow() - run.services.jobs.accepted_at(document)
        run.measure(metrics.DOCUMENT_SECONDS, round(took.total_seconds(), 3))
        log.info("document closed", extra={"document_id": document_id, "pages": summary.total})
    elif not ledger.exists(document_id):
        # Deleted while its outputs were written, after its other files.
        run.services.store.delete_prefix(f"documents/{document_id}/")
    _sources().forget(document_id)


def chunked(pages: Sequence[int]) -> list[Sequence[int]]:
    """Cut pages into chunks, all of the same size but the last."""
    size = min(max(len(pages) // CHUNKS, MIN_CHUNK), MAX_CHUNK)
    return [pages[start : start + size] for start in range(0, len(pages), size)]


@contextmanager
def _clearing_up(document_id: UUID) -> Iterator[None]:
    """Drop the file of a document that is no longer being read, or not here: another job would fetch it again."""
    try:
        yield
    except (DocumentGone, LeaseLost):
        _sources().forget(document_id)
        raise


@cache
def _sources() -> SourceCache:
    return SourceCache(services().store, settings())


def read_limits() -> ReadLimits:
    """What a document may cost here."""
    return ReadLimits(
        page_timeout_seconds=settings().page_timeout_seconds,
        max_page_pixels=settings().max_page_pixels,
        max_pages=settings().max_pages,
        render_dpi=settings().render_dpi,
    )


@contextmanager
def _reader(document: Document) -> Iterator[Reader]:
    with _sources().open(document) as path, Reader(path, _options(document), read_limits()) as reader:
        yield reader


def _recognised(
    document: Document, reader: Reader, numbers: Sequence[int], run: Run
) -> Iterator[PageRead | PageFailed]:
    """Recognise pages, here or wherever their engine runs."""
    return remote.Recognition(
        reader=reader,
        options=_options(document),
        ladder=settings().ladder,
        run=run,
        page_seconds=settings().page_timeout_seconds,
        at_once=Remote().remote_pages_at_once,
    ).pages(numbers)


def _options(document: Document) -> ReadOptions:
    asked = document.options
    return ReadOptions(
        engine=asked["engine"],
        ladder=remote.local(settings().ladder),
        languages=tuple(asked["languages"].split("+")),
        password=document.password,
        text_layer=asked["text_layer"],
        rotate=asked["rotate"],
        deskew=asked["deskew"],
        clean=asked["clean"],
        # Documents from before there were these switches are still on their way.
        denoise=asked.get("denoise", False),
        normalize=asked.get("normalize", False),
        crop=asked.get("crop", False),
    )


def selected(asked: str | None, page_count: int) -> list[int]:
    """The pages to read of a file with so many, ascending.

    Raises:
        TooManyPages, PageOutOfRange: more than we read, or than there are.
    """
    limit = settings().max_pages
    if asked is None and page_count > limit:
        message = f"The document has {page_count} pages; at most {limit} are read. Name some with `pages`."
        raise TooManyPages(message)
    numbers = page_range.resolve(asked, page_count)
    if len(numbers) > limit:
        message = f"`pages` asks for {len(numbers)} pages; at most {limit} are read."
        raise TooManyPages(message)
    return numbers
