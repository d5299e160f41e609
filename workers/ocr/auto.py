"""Which engine reads a page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from workers.ocr import engines
from workers.ocr.engine import OcrOptions, PageImage, PageText
from workers.ocr.pages import Attempt, ReadOptions


@dataclass(frozen=True, slots=True)
class Reading:
    """A page's text, the engine it is from, and every attempt that was made."""

    text: PageText
    engine: str
    attempts: Sequence[Attempt]


def read(page: PageImage, options: ReadOptions) -> Reading:
    """Read a page with the engine asked for.

    Raises:
        TwolaneError: no engine could read it.
    """
    engine = engines.load(options.ladder[0] if options.engine == "auto" else options.engine)
    started, cpu = time.monotonic(), time.process_time()
    found = engine.read(page, OcrOptions(options.languages))
    attempt = Attempt(
        engine=engine.name,
        kept=True,
        confidence=found.confidence,
        word_count=len(found.words),
        duration_ms=round((time.monotonic() - started) * 1000),
        cpu_ms=round((time.process_time() - cpu) * 1000),
        micros=found.micros,
    )
    return Reading(found, engine.name, (attempt,))
