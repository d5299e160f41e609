"""A document that Textract reads as a whole: one job of theirs over the stored file, in place of a call a page.

The job's token is made of the document and its generation, so that whoever goes on after a lost worker gets the same
job, and pays once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from shared import media
from shared.adapters.textract import MAX_STORED_BYTES, MAX_STORED_PAGES, Block, Progress
from shared.config import Storage
from shared.config import Textract as Settings
from shared.errors import AnswerLost, EngineRefused, SpendCapReached, Throttled, TwolaneError
from shared.models import Document, utcnow
from shared.services.budgets import PAID_ONCE, Budget
from shared.values import DocumentFlag
from workers.job import Run
from workers.ocr import engines
from workers.ocr.calls import Calls
from workers.ocr.engines.textract import TextractEngine, page_text
from workers.ocr.pages import Attempt, PageFailed, PageRead
from workers.ocr.sandbox import Reader

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 10.0
"""Between two questions how far the job is; Textract takes seconds for a few pages and minutes for hundreds."""

_PREPARING: Final = ("rotate", "deskew", "clean", "denoise", "normalize", "crop")


def wanted(document: Document, reader: Reader, pending: Sequence[int]) -> bool:
    """Whether all of a document is to be read by Textract, as it is stored."""
    asked = document.options
    return (
        asked["engine"] == TextractEngine.name
        and isinstance(engines.load(TextractEngine.name), TextractEngine)
        and document.media_type in {media.PDF, media.TIFF}
        and 1 < len(pending) == reader.page_count <= MAX_STORED_PAGES
        and (document.size_bytes or 0) <= MAX_STORED_BYTES
        and document.password is None
        and DocumentFlag.ENCRYPTED not in reader.flags
        and not any(asked.get(option) for option in _PREPARING)
    )


def read(document: Document, reader: Reader, pages: Sequence[int], run: Run) -> Iterator[PageRead | PageFailed]:
    """Yield the pages as Textract read them; those that it did not read are left out, as all are that it refuses.

    Raises:
        EngineUnavailable, SpendCapReached: never.
        Transient: the next attempt goes on with the same job.
        LeaseLost: stop.
    """
    engine = engines.load(TextractEngine.name)
    assert isinstance(engine, TextractEngine)  # noqa: S101  # `wanted` has looked
    try:
        yield from _Job(document, reader, run, engine, Calls(run.services, engine)).pages(pages)
    except EngineRefused as error:
        log.warning("Textract does not read the document as a whole, but page by page: %s", error)


@dataclass(frozen=True, slots=True)
class _Job:
    """Textract's job for one document."""

    document: Document
    reader: Reader
    run: Run
    engine: TextractEngine
    calls: Calls

    def pages(self, numbers: Sequence[int]) -> Iterator[PageRead | PageFailed]:
        self.engine.version()
        started = time.monotonic()
        job = self._start(self._pay(len(numbers)))
        blocks = self._blocks(job, started + Settings().textract_job_seconds)
        for number, found in _by_page(blocks):
            if number in numbers:
                self.run.check()
                yield self._page(number, found, round((time.monotonic() - started) * 1000 / len(numbers)))

    def _start(self, pay_back: Callable[[], None]) -> str:
        token = f"{self.document.id.hex}-{self.document.generation}"
        try:
            with self.calls.in_circuit():
                return self.engine.client.start(Storage().documents_bucket, self.document.source_key, token)
        except AnswerLost:
            raise  # it may have begun; the next attempt will see
        except TwolaneError:
            pay_back()
            raise

    def _blocks(self, job: str, deadline: float) -> Iterator[Block]:
        """Wait until the job is done, and yield what it found."""
        progress = self._progress(job, None, deadline)
        while progress.state == "done":
            yield from progress.blocks
            if progress.more is None:
                return
            progress = self._progress(job, progress.more, deadline)
        raise EngineRefused(f"Textract gave the document up: {progress.said}.")

    def _progress(self, job: str, more: str | None, deadline: float) -> Progress:
        pause = FIRST_PAUSE_SECONDS
        while True:
            self.run.check()
            wait = pause
            try:
                with self.calls.in_circuit():
                    progress = self.engine.client.progress(job, more)
                if progress.state != "running":
                    return progress
            except Throttled as error:
                wait = max(pause, vars(error).get("retry_after", 0.0))
            if time.monotonic() + wait > deadline:
                seconds = Settings().textract_job_seconds
                raise AnswerLost(f"Textract is still reading after {seconds:.0f} s; the next attempt goes on waiting.")
            time.sleep(wait)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _page(self, number: int, blocks: Sequence[Block], duration_ms: int) -> PageRead | PageFailed:
        """Put a page together. Textract tells shares of the page; how large it is our own rendering knows."""
        rendered = self.reader.render(number)
        if isinstance(rendered, PageFailed):
            return rendered
        rendered.path.unlink(missing_ok=True)
        found = page_text(blocks, rendered.width, rendered.height, self.calls.terms.page_micros)
        words = [{"text": word.text, "confidence": word.confidence, "box": word.box} for word in found.words]
        attempt = Attempt(
            engine=self.engine.name,
            kept=True,
            confidence=found.confidence,
            word_count=len(words),
            duration_ms=duration_ms,
            micros=found.micros,
        )
        return PageRead(
            number=number,
            width=rendered.width,
            height=rendered.height,
            dpi=rendered.dpi,
            text=found.text,
            confidence=found.confidence,
            engine=self.engine.name,
            source="ocr",
            duration_ms=duration_ms,
            word_count=len(words),
            words_json=orjson.dumps(words),
            cpu_ms=rendered.cpu_ms,
            attempts=(attempt,),
        )

    def _pay(self, pages: int) -> Callable[[], None]:
        """Count the document as paid, unless an earlier attempt has; return what undoes it.

        Who is lost between the two counts it twice: the budget ends early then, and nothing is spent unseen.

        Raises:
            SpendCapReached: the month's budget has no room for it.
        """
        budget, cost, now = self.calls.budget(), pages * self.calls.terms.page_micros, utcnow()
        if budget is None or not cost:
            return lambda: None
        # A budget that holds this document once.
        once = Budget(self.run.services.database, f"{PAID_ONCE}{self.document.id}:{self.document.generation}", cost)
        try:
            once.check(cost, now)
        except SpendCapReached:
            return lambda: None
        month, paid = budget.reserve(cost, now), once.reserve(cost, now)

        def pay_back() -> None:
            once.release(cost, paid)
            budget.release(cost, month)

        return pay_back


def _by_page(blocks: Iterator[Block]) -> Iterator[tuple[int, list[Block]]]:
    """Group blocks by their page; they come page by page, so that no more than one is held.

    Raises:
        AnswerLost: they don't.
    """
    current, held = 0, list[Block]()
    for block in blocks:
        number = block.get("Page", 1)
        if not isinstance(number, int) or number < current:
            raise AnswerLost("Textract answered with pages out of order.")
        if number > current and held:
            yield current, held
            held = []
        current = number
        held.append(block)
    if held:
        yield current, held
