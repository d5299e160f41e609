"""Which engine reads a page.

`auto` looks at the page first, which takes hundredths of a second. Clean office print is read by the first engine of
the ladder, which is cheap and reads it as well as any; everything else goes to the stronger engines at once. A result
that gives rise to doubts (`workers.ocr.doubts`) is read again: upright, if the page is seen to be turned, then by the
next engine. An engine that is missing, fails, or was not taught the languages leaves the page to the others.

Remote engines are none of this module's: the worker asks them, where the kept attempt still has doubts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shared.errors import EngineUnavailable, TwolaneError, UnknownEngine, UnknownLanguage
from workers.ocr import appearance, doubts, engines
from workers.ocr.doubts import Ink
from workers.ocr.engine import OcrEngine, OcrOptions, PageImage, PageText
from workers.ocr.engines.tesseract import TesseractEngine
from workers.ocr.failures import as_ours
from workers.ocr.pages import Attempt, ReadOptions

_MAY_BE_TURNED = frozenset({doubts.LOW_CONFIDENCE, doubts.UNSURE_WORDS, doubts.TOO_FEW_WORDS, doubts.SIDEWAYS})


@dataclass(frozen=True, slots=True)
class Reading:
    """A page's text, the engine it is from, the page as that engine saw it, and every attempt that was made."""

    text: PageText
    engine: str
    page: PageImage
    attempts: Sequence[Attempt]


def read(page: PageImage, options: ReadOptions) -> Reading:
    """Read a page with the engine asked for, or with those `auto` chooses.

    Raises:
        TwolaneError: no engine could read it.
    """
    if options.engine == "auto":
        return _Choice(page, options).read()
    found, attempt = _attempt(engines.load(options.engine), page, options)
    return Reading(found, attempt.engine, page, (replace(attempt, kept=True),))


class _Choice:
    """One page on its way up the ladder."""

    def __init__(self, page: PageImage, options: ReadOptions) -> None:
        self._options = options
        self._look = appearance.of(page.image())
        self._page = page if page.print_dpi else replace(page, print_dpi=self._look.print_dpi(page.dpi))
        self._attempts: list[Attempt] = []
        self._kept: tuple[int, PageText, PageImage] | None = None
        self._errors: list[TwolaneError] = []
        self._upright = options.rotate  # then it was seen to

    def read(self) -> Reading:
        """Ask one engine after the other until a result gives no rise to doubts."""
        for engine in self._engines():
            self._try(engine, self._page if self._kept is None else self._kept[2])
            if self._doubts & _MAY_BE_TURNED and (degrees := self._turned()):
                self._try(engine, self._page.turned(degrees))
            self._believe_what_lies_sideways()
            if self._kept is not None and not self._doubts:
                break
        if self._kept is None:
            raise self._reason()
        number, text, page = self._kept
        attempts = [replace(attempt, kept=index == number) for index, attempt in enumerate(self._attempts)]
        return Reading(text, attempts[number].engine, page, attempts)

    @property
    def _doubts(self) -> frozenset[str]:
        """About what is kept so far."""
        return frozenset() if self._kept is None else frozenset(self._attempts[self._kept[0]].doubts)

    def _engines(self) -> Iterator[OcrEngine]:
        """Yield the engines in the order they may read: weaker ones than have read only where nothing was read."""
        ladder = self._options.ladder
        first = 0 if self._look.office else min(1, len(ladder) - 1)
        for name in ladder[first:]:
            yield from self._usable(name)
        for name in ladder[:first]:
            if self._kept is None or not self._kept[1].words:
                yield from self._usable(name)

    def _usable(self, name: str) -> Iterator[OcrEngine]:
        """Yield the engine called so, if it is there and runs here."""
        try:
            engine = engines.load(name)
        except TwolaneError as error:
            self._failed(name, error)
            return
        if not engine.remote:
            yield engine

    def _try(self, engine: OcrEngine, page: PageImage) -> None:
        """Read the page with an engine, and keep the result if it is better than what there is."""
        started, cpu = time.monotonic(), time.process_time()
        try:
            found, attempt = _attempt(engine, page, self._options, self._look.ink if page is self._page else None)
        except UnknownLanguage as error:
            self._errors.append(error)  # it was not made for this page, which says nothing against either
            return
        except Exception as error:  # noqa: BLE001 - whatever an engine fails with, others may not
            self._failed(engine.name, as_ours(error), _ms(time.monotonic() - started), _ms(time.process_time() - cpu))
            return
        self._attempts.append(attempt)
        if self._kept is None or doubts.better(attempt, self._attempts[self._kept[0]]):
            self._kept = (len(self._attempts) - 1, found, page)

    def _turned(self) -> int:
        """Return how far the page must be turned to be upright, looking once; what was read of it so far is doubted."""
        if self._upright or self._kept is None:
            return 0
        self._upright = True
        degrees = _orientation(self._page)
        if degrees:
            last = self._attempts[-1]
            self._attempts[-1] = replace(last, doubts=(*last.doubts, doubts.TURNED))
        return degrees

    def _believe_what_lies_sideways(self) -> None:
        """Drop the doubt about words on their side where it is the only one: it was looked which way up they are.

        An engine that is sure of such words has read them as they lie; nobody is to be paid for reading them again.
        """
        if self._kept is not None and self._doubts == {doubts.SIDEWAYS}:
            number = self._kept[0]
            self._attempts[number] = replace(self._attempts[number], doubts=())

    def _failed(self, name: str, error: TwolaneError, duration_ms: int = 0, cpu_ms: int = 0) -> None:
        self._errors.append(error)
        self._attempts.append(
            Attempt(
                name,
                kept=False,
                confidence=None,
                word_count=0,
                duration_ms=duration_ms,
                cpu_ms=cpu_ms,
                error=error.code,
            )
        )

    def _reason(self) -> TwolaneError:
        """Return why no engine read the page: what went wrong with one rather than that another is not there."""
        wrong = [error for error in self._errors if not isinstance(error, EngineUnavailable | UnknownEngine)]
        none = EngineUnavailable("No engine of `AUTO_ENGINES` runs here; name one that does, such as tesseract.")
        return next(iter(wrong or self._errors), none)


def _attempt(
    engine: OcrEngine, page: PageImage, options: ReadOptions, ink: Ink | None = None
) -> tuple[PageText, Attempt]:
    """Read a page once. Only `auto` has doubts: who names an engine gets what it reads."""
    started, cpu = time.monotonic(), time.process_time()
    found = engine.read(page, OcrOptions(options.languages))
    attempt = Attempt(
        engine=engine.name,
        kept=False,
        confidence=found.confidence,
        word_count=len(found.words),
        duration_ms=_ms(time.monotonic() - started),
        cpu_ms=_ms(time.process_time() - cpu),
        micros=found.micros,
        doubts=doubts.of(found, options.languages, ink) if options.engine == "auto" else (),
    )
    return found, attempt


def _orientation(page: PageImage) -> int:
    """Ask tesseract, which has a model for it; 0 where it isn't installed."""
    try:
        return TesseractEngine().orientation(page)
    except EngineUnavailable:
        return 0


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
