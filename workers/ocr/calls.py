"""One page, asked of a remote engine: within its rate, its budget and the page's time, and again where that may help.

Every try is on record and is paid for by itself: the most it may cost is reserved before, and what it did cost is
counted after. A try whose answer was lost may be charged, so what was reserved for it stays counted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event
from typing import Final, Protocol, runtime_checkable

from shared.bootstrap import Services
from shared.errors import (
    AnswerLost,
    EngineFailed,
    EngineUnreachable,
    Permanent,
    Postponed,
    Throttled,
    Transient,
    TwolaneError,
    UnusableAnswer,
)
from shared.models import utcnow
from shared.services.budgets import Budget
from workers.ocr.answers import checked
from workers.ocr.engine import OcrEngine, OcrOptions, PageImage, PageText
from workers.ocr.pages import Attempt

log = logging.getLogger(__name__)

TRIES: Final = 3
"""Of one page in one job; the job itself is tried again as well."""

FIRST_PAUSE_SECONDS: Final = 1.0
"""Before the second try; it doubles, and is as long as is asked for at least."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an engine may be asked, all workers together.

    Attributes:
        rate: calls a second; 0 does not hold them.
        monthly_micros: what may be spent in a calendar month (UTC), in millionths of a dollar; None: whatever it costs.
        page_micros: the most that one page may cost.
    """

    rate: float = 0
    monthly_micros: int | None = None
    page_micros: int = 0


@runtime_checkable
class HasTerms(Protocol):
    """A remote engine that costs money, or must not be asked too often; others need not have terms."""

    def terms(self) -> Terms:
        """What it may be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How asking about a page ended: with its text or with an error, and every try."""

    text: PageText | None
    error: TwolaneError | None
    attempts: list[Attempt]


@dataclass(slots=True)
class Calls:
    """Asks one engine; may be used from several threads.

    Attributes:
        services: hold rate, budget and circuit, for all workers together.
        engine: a remote one.
        clock: the time, for the budget's month.
        over: set it to end pauses, when nobody wants the page any more.
    """

    services: Services
    engine: OcrEngine
    clock: Callable[[], datetime] = utcnow
    over: Event = field(default_factory=Event)

    @property
    def terms(self) -> Terms:
        """The engine's."""
        return self.engine.terms() if isinstance(self.engine, HasTerms) else Terms()

    @property
    def name(self) -> str:
        """Of its rate, budget and circuit."""
        return f"engine:{self.engine.name}"

    def read(self, page: PageImage, languages: tuple[str, ...], seconds: float) -> Outcome:
        """Ask until there is a text, until asking again is no use, or until the page's time is over."""
        deadline = time.monotonic() + seconds
        attempts: list[Attempt] = []
        while True:
            started, cpu = time.monotonic(), time.thread_time()
            try:
                text = self._ask(page, languages, deadline)
            except TwolaneError as error:
                attempts.append(self._failed(error, started, cpu))
                pause = _pause(error, len(attempts))
                if pause is None or time.monotonic() + pause >= deadline or self.over.wait(pause):
                    return Outcome(None, _to_tell(error), attempts)
            else:
                attempts.append(_succeeded(self.engine.name, text, started, cpu))
                return Outcome(text, None, attempts)

    def _ask(self, page: PageImage, languages: tuple[str, ...], deadline: float) -> PageText:
        terms = self.terms
        self.services.rates.take(self.name, terms.rate, max(deadline - time.monotonic(), 0))
        with self.paying(terms.page_micros) as bill, self.in_circuit():
            left = max(deadline - time.monotonic(), 0.1)
            try:
                text = checked(self.engine.read(page, OcrOptions(languages, timeout=left)), page)
            except TwolaneError:
                raise
            except Exception as error:
                # Somebody else's code, perhaps: nobody knows what it did before.
                log.exception("the engine %s failed", self.engine.name)
                raise AnswerLost(f"The engine {self.engine.name} failed with {type(error).__name__}.") from error
            bill.micros = text.micros
            return text

    @contextmanager
    def in_circuit(self) -> Iterator[None]:
        """Leave an engine alone that fails again and again; an answer says that it works, be it a refusal."""
        circuits = self.services.circuits
        circuits.enter(self.name)
        try:
            yield
        except EngineFailed as error:
            with _noting("a failure is not counted"):
                circuits.failed(self.name, str(error))
            raise
        except (Permanent, Throttled):
            with _noting("an answer is not counted"):
                circuits.succeeded(self.name)
            raise
        with _noting("an answer is not counted"):
            circuits.succeeded(self.name)

    @contextmanager
    def paying(self, most: int) -> Iterator[Bill]:
        """Reserve what a call may cost, and count afterwards what it did.

        Raises:
            SpendCapReached: the month's budget has no room for it.
        """
        budget, bill = self.budget(), Bill(most)
        period = budget.reserve(most, self.clock()) if budget and most else None
        try:
            yield bill
        except UnusableAnswer as error:
            bill.micros = most if error.micros is None else error.micros
            raise
        except AnswerLost:
            raise
        except TwolaneError:
            bill.micros = 0
            raise
        finally:
            if budget and period and bill.micros != most:
                with _noting("the budget keeps what was reserved in place of what was spent"):
                    budget.release(most - bill.micros, period)

    def budget(self) -> Budget | None:
        """The engine's; None where it has none."""
        monthly = self.terms.monthly_micros
        return None if monthly is None else Budget(self.services.database, self.name, monthly)

    def _failed(self, error: TwolaneError, started: float, cpu: float) -> Attempt:
        micros = 0
        if isinstance(error, AnswerLost):
            micros = self.terms.page_micros
        elif isinstance(error, UnusableAnswer):
            micros = self.terms.page_micros if error.micros is None else error.micros
        return replace(_attempt(self.engine.name, started, cpu), micros=micros, error=error.code)


@dataclass(slots=True)
class Bill:
    """What a call cost, in millionths of a dollar; the most it may, until somebody knows."""

    micros: int


def _attempt(engine: str, started: float, cpu: float) -> Attempt:
    return Attempt(
        engine=engine,
        kept=False,
        confidence=None,
        word_count=0,
        duration_ms=round((time.monotonic() - started) * 1000),
        cpu_ms=round((time.thread_time() - cpu) * 1000),
    )


def _succeeded(engine: str, text: PageText, started: float, cpu: float) -> Attempt:
    return replace(
        _attempt(engine, started, cpu),
        kept=True,
        confidence=text.confidence,
        word_count=len(text.words),
        micros=text.micros,
    )


def _pause(error: TwolaneError, tries: int) -> float | None:
    """Seconds before the next try; None: there is none."""
    if tries >= TRIES or isinstance(error, Permanent | Postponed) or not isinstance(error, Transient):
        return None
    said = float(vars(error).get("retry_after", 0))  # of the instance: what the class has is no word of the engine's
    return float(max(FIRST_PAUSE_SECONDS * 2 ** (tries - 1), said))


def _to_tell(error: TwolaneError) -> TwolaneError:
    """The error of the page. A circuit that is open counts as a failure, or its pages would wait for ever."""
    if isinstance(error, Postponed) and error.code == "circuit_open":
        return EngineUnreachable(error.detail, retry_after=error.retry_after)
    return error


@contextmanager
def _noting(what: str) -> Iterator[None]:
    """Let what led here be what is told."""
    try:
        yield
    except TwolaneError as error:
        log.warning("%s: %s", what, error)
