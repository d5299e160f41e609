"""The use case: a file is opened, its pages are looked at and none is recognised; what reading it takes is reckoned.

It is opened where every file is: in a process without secrets that can be killed.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.errors import BrokerUnavailable, Permanent
from shared.services.expectations import Look
from shared.services.quotes import Asked
from workers.job import Run
from workers.ocr import process
from workers.ocr.sandbox import Reader, ReadOptions

log = logging.getLogger(__name__)

FLEET = "ocr"


def look(quote_id: UUID, run: Run) -> None:
    """Answer a quote, or say why its file can't be read; nothing where that was done, or nobody wants it any more.

    Raises:
        Transient: try again.
    """
    quotes = run.services.quotes
    asked = quotes.asked(quote_id)
    if asked is None:
        log.info("no such quote is open", extra={"quote_id": quote_id})
        return
    try:
        found = _found(asked, run)
    except Permanent as error:
        # That is the answer: no other attempt would find another.
        quotes.refuse(asked, error)
    else:
        quotes.answer(asked, found)


def _found(asked: Asked, run: Run) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="twolane-quote-") as directory:
        path = Path(directory) / "source"
        run.services.store.get_file(asked.source_key, path)
        # Text is looked for also where it is not to be used: that it is there is part of the answer.
        with Reader(path, ReadOptions(password=asked.options.password), process.read_limits()) as reader:
            numbers = process.selected(asked.options.pages, reader.page_count)
            with_text = sum(1 for _ in reader.text_layers(numbers))
            count, flags = reader.page_count, sorted(flag.value for flag in reader.flags)
    kept = with_text if asked.options.text_layer == "use" else 0
    seen = Look(page_count=count, pages=len(numbers), with_text=with_text, to_recognise=len(numbers) - kept)
    at_once = 1 if seen.to_recognise <= process.settings().inline_pages else _workers(run)
    return {
        "pages": seen.pages,
        "page_count": seen.page_count,
        "pages_with_text_layer": seen.with_text,
        "pages_to_recognise": seen.to_recognise,
        "flags": flags,
        "engine": asked.options.engine,
        **run.services.expectations.of(asked.account_id, asked.options.engine, seen, at_once),
    }


def _workers(run: Run) -> int:
    """How many workers read now; where the broker does not tell, this one."""
    try:
        return max(1, run.services.broker.fleets()[FLEET].workers_alive)
    except BrokerUnavailable as error:
        log.warning("reckoned with one worker: %s", error)
        return 1
