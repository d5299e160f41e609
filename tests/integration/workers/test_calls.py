"""One page, asked of an engine elsewhere: what is tried again, what it costs, and when nobody is asked at all."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

import pytest

from shared.bootstrap import Services
from shared.db.unit_of_work import Database
from shared.errors import (
    AnswerLost,
    EngineRefused,
    EngineUnavailable,
    EngineUnreachable,
    Throttled,
    TwolaneError,
    UnusableAnswer,
)
from shared.models import Circuit, Spend
from shared.services.circuits import FAILURES
from workers.ocr import calls as module
from workers.ocr.calls import Calls, Outcome, Terms
from workers.ocr.engine import OcrOptions, PageImage, PageText, Word

PAGE = PageImage(Path("page.png"), 10, 10, 300)
MOST, REAL = 100, 30
FOUND = PageText("word", [Word("word", 0.9, (0, 0, 5, 5))], micros=REAL)


class Oracle:
    """An engine that answers as it is told, in turn, and then for ever like the last."""

    name = "oracle"
    remote = True

    def __init__(self, *answers: PageText | Exception, terms: Terms | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[OcrOptions] = []
        self._terms = terms or Terms(monthly_micros=1000, page_micros=MOST)

    def version(self) -> str:
        """Its version."""
        return "1"

    def languages(self) -> tuple[str, ...]:
        """None."""
        return ()

    def prepare(self) -> None:
        """Nothing to do."""

    def terms(self) -> Terms:
        """As given."""
        return self._terms

    def read(self, _page: PageImage, options: OcrOptions) -> PageText:
        """Answer."""
        self.asked.append(options)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def services(database: Database, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services on a fresh database; pauses are short."""
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)
    services = Services()
    services.database = database
    return services


def ask(services: Services, oracle: Oracle, seconds: float = 20) -> Outcome:
    """Ask about a page."""
    return Calls(services, oracle).read(PAGE, ("eng", "deu"), seconds)


def spent(services: Services) -> int:
    """What is counted in all months."""
    with services.database.read() as session:
        return sum(row.micros for row in session.query(Spend))


def errors(outcome: Outcome) -> list[str | None]:
    """How each try ended."""
    return [attempt.error for attempt in outcome.attempts]


def test_an_answer_is_paid_at_its_price(services: Services) -> None:
    outcome = ask(services, oracle := Oracle(FOUND))
    assert (outcome.text, outcome.error) == (FOUND, None)
    (attempt,) = outcome.attempts
    assert (attempt.engine, attempt.kept, attempt.micros, attempt.word_count) == ("oracle", True, REAL, 1)
    assert spent(services) == REAL
    assert oracle.asked[0].languages == ("eng", "deu")
    assert 0 < oracle.asked[0].timeout <= 20


def test_a_price_above_the_expected_is_counted_too(services: Services) -> None:
    ask(services, Oracle(PageText("", [], micros=170)))
    assert spent(services) == 170


@pytest.mark.parametrize(
    ("error", "each"),
    [
        (EngineUnreachable("away"), 0),
        (Throttled("busy"), 0),
        (AnswerLost("lost"), MOST),
        (ValueError("somebody else's code"), MOST),
    ],
)
def test_what_may_be_better_is_tried_again_and_each_try_is_paid(
    services: Services, error: Exception, each: int
) -> None:
    outcome = ask(services, oracle := Oracle(error))
    assert len(oracle.asked) == len(outcome.attempts) == module.TRIES
    assert spent(services) == module.TRIES * each == sum(attempt.micros for attempt in outcome.attempts)
    assert isinstance(outcome.error, EngineUnreachable | Throttled)
    outcome = ask(services, Oracle(error, FOUND))
    assert outcome.text == FOUND
    assert [attempt.kept for attempt in outcome.attempts] == [False, True]


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (EngineRefused("no"), 0),
        (EngineUnavailable("no key"), 0),
        (UnusableAnswer("a loop", micros=70), 70),
        (UnusableAnswer("endless", micros=None), MOST),
    ],
)
def test_what_will_not_be_better_is_not_tried_again(services: Services, error: TwolaneError, cost: int) -> None:
    outcome = ask(services, oracle := Oracle(error))
    assert (outcome.error, len(oracle.asked)) == (error, 1)
    assert spent(services) == cost == outcome.attempts[0].micros


def test_a_budget_that_is_used_up_asks_nobody(services: Services) -> None:
    oracle = Oracle(FOUND, terms=Terms(monthly_micros=MOST + REAL, page_micros=MOST))
    assert ask(services, oracle).text
    assert ask(services, oracle).text
    outcome = ask(services, oracle)
    assert outcome.error is not None
    assert errors(outcome) == ["spend_cap_reached"]
    assert len(oracle.asked) == 2
    assert spent(services) == 2 * REAL


def test_an_engine_that_fails_is_left_alone_by_all(services: Services) -> None:
    oracle = Oracle(EngineUnreachable("away"))
    while len(oracle.asked) < FAILURES:
        ask(services, oracle)
    asked = len(oracle.asked)
    outcome = ask(services, oracle)
    assert len(oracle.asked) == asked
    assert errors(outcome) == ["circuit_open"]
    # For the job that is a failure like others: it is not to wait for ever.
    assert isinstance(outcome.error, EngineUnreachable)
    assert vars(outcome.error)["retry_after"] > 1
    assert spent(services) == 0


@pytest.mark.parametrize("answer", [FOUND, EngineRefused("no"), UnusableAnswer("a loop"), Throttled("busy")])
def test_whoever_answers_is_well(services: Services, answer: PageText | TwolaneError) -> None:
    for _ in range(FAILURES - 1):
        Calls(services, Oracle(EngineUnreachable("away"))).read(PAGE, (), 0.005)
    ask(services, Oracle(answer))
    with services.database.read() as session:
        assert session.get_one(Circuit, "engine:oracle").failures == 0


def test_a_budget_that_is_used_up_says_nothing_about_the_engine(services: Services) -> None:
    Calls(services, Oracle(EngineUnreachable("away"))).read(PAGE, (), 0.005)
    ask(services, Oracle(FOUND, terms=Terms(monthly_micros=1, page_micros=MOST)))
    with services.database.read() as session:
        assert session.get_one(Circuit, "engine:oracle").failures == 1


def test_a_full_rate_postpones_the_page(services: Services) -> None:
    oracle = Oracle(FOUND, terms=Terms(rate=0.01))
    assert ask(services, oracle).text
    outcome = ask(services, oracle, seconds=1)
    assert errors(outcome) == ["rate_exceeded"]
    assert len(oracle.asked) == 1


def test_an_engine_without_terms_costs_nothing(services: Services) -> None:
    class Plain(Oracle):
        terms = None  # type: ignore[assignment]

    assert ask(services, Plain(FOUND)).text
    assert spent(services) == 0


def test_the_time_of_a_page_holds_with_all_its_tries(services: Services) -> None:
    began = time.monotonic()
    outcome = ask(services, oracle := Oracle(Throttled("busy", retry_after=30)), seconds=2)
    assert time.monotonic() - began < 1
    assert len(oracle.asked) == 1
    assert isinstance(outcome.error, Throttled)


def test_nobody_waits_for_a_page_that_is_wanted_no_more(services: Services) -> None:
    over = Event()
    over.set()
    calls = Calls(services, oracle := Oracle(Throttled("busy", retry_after=5)), over=over)
    assert calls.read(PAGE, (), 60).error
    assert len(oracle.asked) == 1


def test_words_beyond_the_page_and_odd_confidences_are_put_right(services: Services) -> None:
    """Whoever wrote the engine: outputs hold numbers, and on the page."""
    odd = [Word("a", float("nan"), (-5, 2, 50, 8)), Word("b", 7.0, (9, 9, 3, 3)), Word("c", -1.0, (2, 2, 2, 2))]
    outcome = ask(services, Oracle(PageText("a b c", odd)))
    assert outcome.text is not None
    assert outcome.text.words == [
        Word("a", 0.0, (0, 2, 10, 8)),
        Word("b", 1.0, (3, 3, 9, 9)),
        Word("c", 0.0, (2, 2, 2, 2)),
    ]


@pytest.mark.parametrize("answer", [None, "text", PageText("a", [Word("a", 1.0, (1, 2))]), PageText("a", [None])])  # type: ignore[arg-type, list-item]
def test_what_is_no_reading_is_a_failure_of_the_engine(services: Services, answer: PageText) -> None:
    """And of no more than the page."""
    outcome = ask(services, Oracle(answer))
    assert outcome.text is None
    assert errors(outcome)[-1] == "engine_unreachable"
