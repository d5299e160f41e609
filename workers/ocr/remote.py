"""Pages read by engines that somebody else runs.

The document stays where it can do no harm: its own process renders a page to a file, and the worker, which has the
keys, sends that file away. A remote engine of `auto` is its last rung: it sees the pages that are doubtful after all
others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import orjson

from shared.errors import EngineFailed, EngineUnavailable, TwolaneError, UnknownLanguage
from workers.job import Run
from workers.ocr import doubts, engines
from workers.ocr.calls import Calls, Outcome
from workers.ocr.engine import PageImage, PageText
from workers.ocr.geometry import quarter
from workers.ocr.pages import Attempt, PageFailed, PageRead, ReadOptions, RenderedPage
from workers.ocr.sandbox import Reader
from workers.ocr.text import clean

AUTO: Final = "auto"

Page = PageRead | PageFailed

_TELLING: Final = frozenset({doubts.WRONG_SCRIPT})
"""Doubts about a remote engine's result that mean something. The others were measured with confidences and boxes of
engines that have both; a model's are the probabilities of its tokens, and estimates."""


_FAULTS_OF_ENGINES: Final = (EngineFailed, EngineUnavailable, UnknownLanguage)
"""What says nothing against the page: no local engine was there for it, or taught its languages, or well."""

_NOT_ASKED: Final = Attempt("", kept=False, confidence=None, word_count=0, duration_ms=0)


def local(ladder: Sequence[str]) -> tuple[str, ...]:
    """The engines of a ladder that run in the process with the document."""
    return tuple(name for name in ladder if not _is_remote(name))


@dataclass(frozen=True, slots=True)
class Recognition:
    """Recognises pages of a document, wherever the engine runs that was asked for.

    Attributes:
        reader: has the document open.
        options: what was asked for; its ladder has local engines alone.
        ladder: all engines of `auto`, weakest first.
        run: the job, which is looked at between pages.
        page_seconds: one page may take, from rendering it to its last try.
        at_once: pages asked for at the same time.
    """

    reader: Reader
    options: ReadOptions
    ladder: Sequence[str]
    run: Run
    page_seconds: float
    at_once: int = 1

    def pages(self, numbers: Sequence[int]) -> Iterator[Page]:
        """Yield the pages with these numbers, read or failed.

        Raises:
            LeaseLost: stop.
        """
        auto = self.options.engine == AUTO
        name = _last_rung(self.ladder) if auto else self.options.engine
        if name is None or not _is_remote(name):
            yield from self.reader.read(numbers)
            return
        calls = Calls(self.run.services, engines.load(name))
        if auto and self.options.ladder:
            yield from self._second_opinions(numbers, calls)
        else:
            yield from self._asked_for(numbers, calls)

    def _asked_for(self, numbers: Sequence[int], calls: Calls) -> Iterator[Page]:
        """Ask for pages, a few at a time, and yield them in order as they come.

        Whoever stops asking waits for the calls that are under way, each no longer than its page's time: they are paid.
        """
        waiting: deque[Future[Page]] = deque()
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="remote") as pool:
            try:
                for number in numbers:
                    self.run.check()
                    started = time.monotonic()
                    rendered = _rendered(self.reader, number)
                    if isinstance(rendered, PageFailed):
                        yield rendered
                        continue
                    waiting.append(pool.submit(self._page, rendered, calls, started))
                    if len(waiting) >= self.at_once:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                calls.over.set()
                for future in waiting:
                    future.cancel()

    def _page(self, rendered: RenderedPage, calls: Calls, started: float) -> Page:
        """Ask for one page that is rendered."""
        outcome = self._ask(rendered, calls, started)
        if outcome.text is None:
            assert outcome.error is not None  # noqa: S101  # there is one or the other
            return PageFailed(rendered.number, outcome.error, attempts=outcome.attempts)
        return _page_read(rendered, outcome.text, calls.engine.name, outcome.attempts, started)

    def _ask(self, rendered: RenderedPage, calls: Calls, started: float) -> Outcome:
        page = PageImage(rendered.path, rendered.width, rendered.height, rendered.dpi)
        left = self.page_seconds - (time.monotonic() - started)
        try:
            outcome = calls.read(page, self.options.languages, left)
        finally:
            rendered.path.unlink(missing_ok=True)
        if outcome.text is None:
            return outcome
        telling = tuple(doubt for doubt in doubts.of(outcome.text, self.options.languages) if doubt in _TELLING)
        return replace(outcome, attempts=[*outcome.attempts[:-1], replace(outcome.attempts[-1], doubts=telling)])

    def _second_opinions(self, numbers: Sequence[int], calls: Calls) -> Iterator[Page]:
        """Read pages with the local engines, and those that stay doubtful with the remote one too."""
        for number in numbers:
            for page in self.reader.read([number]):
                self.run.check()
                if isinstance(page, PageFailed):
                    yield self._instead(page, calls) if isinstance(page.error, _FAULTS_OF_ENGINES) else page
                elif any(attempt.kept and attempt.doubts for attempt in page.attempts):
                    yield self._second_opinion(page, calls)
                else:
                    yield page

    def _instead(self, failed: PageFailed, calls: Calls) -> Page:
        """Ask the remote engine about a page that no local one could read; if it can't either, that fault stays."""
        started = time.monotonic()
        rendered = _rendered(self.reader, failed.number)
        page = rendered if isinstance(rendered, PageFailed) else self._page(rendered, calls, started)
        return replace(failed, attempts=page.attempts) if isinstance(page, PageFailed) else page

    def _second_opinion(self, page: PageRead, calls: Calls) -> PageRead:
        """Ask the remote engine about a page; the better result stays, and every attempt is on record."""
        started = time.monotonic()
        # `auto` turns what `rotate` has not: whoever reads next sees it the same way up.
        turned = quarter(page.transform) if page.transform and not self.options.rotate else 0
        rendered = _rendered(self.reader, page.number, turned)
        if isinstance(rendered, PageFailed):
            failed = replace(_NOT_ASKED, engine=calls.engine.name, error=rendered.error.code)
            return replace(page, attempts=[*page.attempts, failed])
        outcome = self._ask(rendered, calls, started)
        kept = next(attempt for attempt in page.attempts if attempt.kept)
        if outcome.text is not None and doubts.better(outcome.attempts[-1], kept):
            before = [replace(attempt, kept=False) for attempt in page.attempts]
            result = _page_read(rendered, outcome.text, calls.engine.name, [*before, *outcome.attempts], started)
        else:
            asked = [replace(attempt, kept=False) for attempt in outcome.attempts]
            result = replace(page, attempts=[*page.attempts, *asked])
        return replace(
            result,
            duration_ms=page.duration_ms + _since(started),
            cpu_ms=page.cpu_ms + rendered.cpu_ms + sum(attempt.cpu_ms for attempt in outcome.attempts),
            peak_kb=page.peak_kb,
        )


def _is_remote(name: str) -> bool:
    try:
        return engines.load(name).remote
    except TwolaneError:
        return False  # whoever reads with it will say what is wrong


def _last_rung(ladder: Sequence[str]) -> str | None:
    """The strongest remote engine of a ladder that is configured here."""
    for name in reversed(ladder):
        if _is_remote(name):
            with suppress(TwolaneError):
                engines.load(name).version()
                return name
    return None


def _rendered(reader: Reader, number: int, turned: int = 0) -> RenderedPage | PageFailed:
    """Render a page into a file of its own: the reader keeps only the last."""
    rendered = reader.render(number, turned)
    if isinstance(rendered, PageFailed):
        return rendered
    kept = rendered.path.with_name(f"asked-{number}{rendered.path.suffix}")
    return replace(rendered, path=rendered.path.replace(kept))


def _page_read(
    rendered: RenderedPage, found: PageText, engine: str, attempts: Sequence[Attempt], started: float
) -> PageRead:
    """Put a page together from what was read on it."""
    words = [{"text": clean(word.text), "confidence": word.confidence, "box": word.box} for word in found.words]
    return PageRead(
        number=rendered.number,
        width=rendered.width,
        height=rendered.height,
        dpi=rendered.dpi,
        text=clean(found.text),
        confidence=found.confidence,
        engine=engine,
        source="ocr",
        duration_ms=_since(started),
        word_count=len(words),
        words_json=orjson.dumps(words),
        cpu_ms=rendered.cpu_ms + sum(attempt.cpu_ms for attempt in attempts),
        attempts=attempts,
        transform=rendered.transform,
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
