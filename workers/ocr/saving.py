"""Pages on their way into the ledger: words into the store, rows that point at them, failures."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from uuid import uuid4

from shared import metrics
from shared.errors import Permanent, Postponed, TwolaneError
from shared.models import Document
from shared.services.ledger import DocumentGone, FailedPage, ReadPage
from workers.job import Run
from workers.ocr.pages import PageFailed, PageRead

log = logging.getLogger(__name__)

FLUSH_PAGES = 64
FLUSH_SECONDS = 0.5
"""Pages are written together while they come fast, and at once when they come slowly."""


def save(document: Document, pages: Iterable[PageRead | PageFailed], run: Run) -> None:
    """Write pages into the ledger as they come; raise at the end what should be tried again."""
    batch: list[PageRead] = []
    again: PageFailed | None = None
    flushed = time.monotonic()
    for page in pages:
        run.check()
        if isinstance(page, PageRead):
            batch.append(page)
        elif page.final or isinstance(page.error, Permanent) or _last_try(page.error, run):
            run.services.ledger.save(document.id, [], [_failed(page)])
        else:
            log.warning("page %d will be tried again: %s", page.number, page.error)
            again = page
        if len(batch) >= FLUSH_PAGES or time.monotonic() - flushed > FLUSH_SECONDS:
            _flush(document, batch, run)
            batch, flushed = [], time.monotonic()
    _flush(document, batch, run)
    if again is not None:
        raise again.error


def _failed(page: PageFailed) -> FailedPage:
    return FailedPage(
        number=page.number,
        error_code=page.error.code,
        error_message=page.error.detail,
        attempts=[asdict(attempt) for attempt in page.attempts],
        cpu_ms=sum(attempt.cpu_ms for attempt in page.attempts),
        micros=sum(attempt.micros for attempt in page.attempts),
    )


def _last_try(error: TwolaneError, run: Run) -> bool:
    return run.claim.last and not isinstance(error, Postponed)


def _flush(document: Document, pages: Sequence[PageRead], run: Run) -> None:
    """Words first, then the rows that point at them: a crash in between leaves an object nobody points at.

    The object's name is new each time, so that two workers on the same pages can't mix their words.
    """
    if not pages:
        return
    key = f"documents/{document.id}/words/{pages[0].number}-{pages[-1].number}-{uuid4().hex[:8]}.json"
    run.services.store.put(key, b"".join(page.words_json for page in pages), "application/json")
    rows, offset = [], 0
    for page in pages:
        rows.append(_row(page, key, offset))
        offset += len(page.words_json)
    try:
        run.services.ledger.save(document.id, rows)
        run.measure(metrics.PAGES_READ, len(rows))
    except DocumentGone:
        # It may have been deleted, and its files with it, before these words were written.
        run.services.store.delete_prefix(key)
        raise


def _row(page: PageRead, key: str, offset: int) -> ReadPage:
    return ReadPage(
        number=page.number,
        width=page.width,
        height=page.height,
        dpi=page.dpi,
        text=page.text,
        confidence=page.confidence,
        engine=page.engine,
        source=page.source,
        duration_ms=page.duration_ms,
        word_count=page.word_count,
        words_key=key,
        words_offset=offset,
        words_length=len(page.words_json),
        attempts=[asdict(attempt) for attempt in page.attempts],
        cpu_ms=page.cpu_ms,
        peak_kb=page.peak_kb,
        micros=page.micros,
    )
