"""An extractor that asks a language model, and believes nothing it says that is not in print.

The model is shown the text of the pages and where its lines stand, never the file. What it answers is looked up among
the words: a value that is not there is dropped, and the box is that of the words that were found.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import time
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Final, cast

from shared.adapters import secrets
from shared.adapters.vision import ChatEndpoint, Completion
from shared.bootstrap import Services
from shared.config import ConfigurationError, Extraction
from shared.errors import (
    AnswerLost,
    EngineRefused,
    EngineUnavailable,
    Permanent,
    Postponed,
    TwolaneError,
    UnusableAnswer,
)
from shared.services.budgets import micros_of
from workers.extraction import asking
from workers.extraction.printed import Place, Printed
from workers.extraction.values import Field, Invoice, LineItem, PageWords
from workers.ocr.calls import Calls, Terms
from workers.ocr.engine import OcrEngine

log = logging.getLogger(__name__)

TRIES: Final = 2
PAUSE_SECONDS: Final = 1.0

_CHARACTERS_A_TOKEN: Final = 2
"""At least, of figures and foreign names: what a question may cost is reckoned by it."""

_SURE: Final = 0.9
"""That a value a model chose, and that stands in print, is the field; an estimate."""


class Llm:
    """Asks a model behind an OpenAI-compatible endpoint.

    Args:
        services: hold its rate, budget and circuit, for all workers together.
        settings: name it.
    """

    name = "llm"

    def __init__(self, services: Services, settings: Extraction) -> None:
        self._settings = settings
        # Of an engine it looks at name and terms, where nothing is read with it.
        self._calls = Calls(services, cast("OcrEngine", self))
        self._rates = services.rates
        self._question_tokens = 0
        self.micros = 0

    def terms(self) -> Terms:
        """What it may be asked, and what the question at hand costs at most."""
        settings = self._settings
        most = self._price(self._question_tokens, settings.extractor_max_tokens)
        return Terms(settings.extractor_rate, micros_of(settings.extractor_monthly_dollars), most)

    def extract(self, pages: Sequence[PageWords]) -> Invoice:
        """Find the fields of one invoice or receipt.

        Raises:
            EngineUnavailable, EngineRefused, UnusableAnswer: asking again changes nothing.
            EngineUnreachable, Throttled, CircuitOpen, RateExceeded: it can't be asked now.
            SpendCapReached: not this month.
        """
        printed = Printed(pages)
        if not printed.rows:
            raise UnusableAnswer("There are no words to ask a model about.")
        messages = asking.messages(printed.rows)
        self._question_tokens = sum(len(message["content"]) for message in messages) // _CHARACTERS_A_TOKEN
        said = self._ask(messages, time.monotonic() + self._settings.extractor_timeout_seconds)
        invoice = _Finding(printed).invoice(said)
        if invoice == Invoice():
            raise UnusableAnswer("Nothing of what the model answered is in print.")
        return invoice

    def _ask(self, messages: Sequence[dict[str, str]], deadline: float) -> asking.Answered:
        """Ask, and once more where that may help: not with a schema, if that is what it refuses."""
        schema = True
        for tries in range(1, TRIES + 1):
            try:
                return self._once(messages, deadline, schema=schema)
            except TwolaneError as error:
                refused = schema and isinstance(error, EngineRefused)
                hopeless = isinstance(error, Permanent | Postponed) and not refused
                pause = 0 if refused else max(PAUSE_SECONDS, float(vars(error).get("retry_after", 0)))
                if hopeless or tries == TRIES or time.monotonic() + pause >= deadline:
                    raise
                log.info("the model is asked again: %s", error)
                schema = schema and not refused
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _once(self, messages: Sequence[dict[str, str]], deadline: float, *, schema: bool) -> asking.Answered:
        left = max(deadline - time.monotonic(), 0.1)
        terms = self.terms()
        self._rates.take(self._calls.name, terms.rate, left)
        most = terms.page_micros
        try:
            with self._calls.paying(most) as bill, self._calls.in_circuit():
                completion = self._endpoint.chat(
                    messages,
                    max_tokens=self._settings.extractor_max_tokens,
                    seconds=left,
                    response_format=asking.response_format() if schema else None,
                )
                bill.micros = self._cost(completion)
                said = _read(completion, bill.micros)
        except AnswerLost:
            self.micros += most
            raise
        except UnusableAnswer as error:
            self.micros += most if error.micros is None else error.micros
            raise
        self.micros += bill.micros
        return said

    @cached_property
    def _endpoint(self) -> ChatEndpoint:
        settings = self._settings
        if settings.extractor_url:
            url, model = settings.extractor_url, settings.extractor_model or ""
            key, arn = settings.extractor_key, settings.extractor_secret_arn
            return ChatEndpoint(url, model, _key(key, arn, "EXTRACTOR_SECRET_ARN"))
        key, arn = settings.deepseek_key, settings.deepseek_secret_arn
        return ChatEndpoint(settings.deepseek_url or "", settings.deepseek_model, _key(key, arn, "DEEPSEEK_SECRET_ARN"))

    def _cost(self, completion: Completion) -> int:
        """What an answer cost; what was reckoned with, where the server doesn't count."""
        read, wrote = completion.input_tokens, completion.output_tokens
        return self._price(
            self._question_tokens if read is None else read,
            self._settings.extractor_max_tokens if wrote is None else wrote,
        )

    def _price(self, read: int, wrote: int) -> int:
        """Tokens in millionths of a dollar; the price of a million in dollars is that of one in these."""
        settings = self._settings
        return math.ceil(read * settings.extractor_input_dollars + wrote * settings.extractor_output_dollars)


def _key(key: str | None, arn: str | None, variable: str) -> Callable[[], str] | None:
    """Give what finds the bearer key when it is needed; None where there is none."""
    if arn is None:
        return None if key is None else lambda: key

    def find() -> str:
        try:
            return secrets.model_key(arn, variable)
        except ConfigurationError as error:
            raise EngineUnavailable(f"The model can't be asked. {error}") from error

    return find


def _read(completion: Completion, micros: int) -> asking.Answered:
    """Take the fields out of an answer.

    Raises:
        UnusableAnswer: it is none, or only the beginning of one.
    """
    try:
        completion.require_whole()
    except UnusableAnswer as error:
        error.micros = micros
        raise
    said = asking.answered(completion.text)
    if said is None:
        raise UnusableAnswer("The model answered with something else than the fields as JSON.", micros=micros)
    return said


class _Finding:
    """Looks up in print what a model said."""

    def __init__(self, printed: Printed) -> None:
        self._printed = printed

    def invoice(self, said: asking.Answered) -> Invoice:
        """Keep what is in print."""
        return Invoice(
            supplier=self._text(said.supplier),
            invoice_number=self._text(said.invoice_number),
            date=self._date(said.date),
            due_date=self._date(said.due_date),
            currency=self._currency(said.currency),
            total=self._amount(said.total),
            tax=self._amount(said.tax),
            subtotal=self._amount(said.subtotal),
            address=self._text(said.address),
            iban=self._identifier(said.iban),
            vat_id=self._identifier(said.vat_id),
            lines=[line for line in map(self._line, said.lines) if line != LineItem()],
        )

    def _line(self, said: asking.AnsweredLine) -> LineItem:
        description, amount = self._text(said.description), self._amount(said.amount)
        if description is None and amount is None:
            return LineItem()  # small numbers alone are on every page somewhere
        return LineItem(description, self._amount(said.quantity), self._amount(said.unit_price), amount)

    def _text(self, said: str | None) -> Field | None:
        place = self._printed.text(said) if said else None
        return None if place is None else _field(place.text, place)

    def _identifier(self, said: str | None) -> Field | None:
        place = self._printed.text(said) if said else None
        return None if place is None else _field("".join(filter(str.isalnum, place.text)).upper(), place)

    def _currency(self, said: str | None) -> Field | None:
        place = self._printed.currency(said.strip().upper()) if said else None
        return None if place is None else _field((said or "").strip().upper(), place)

    def _amount(self, said: str | None) -> Field | None:
        try:
            value = Decimal(said or "")
        except InvalidOperation:
            return None
        place = self._printed.amount(value) if value.is_finite() else None
        return None if place is None else _field(f"{value:f}", place)

    def _date(self, said: str | None) -> Field | None:
        try:
            value = dt.date.fromisoformat(said or "")
        except ValueError:
            return None
        place = self._printed.date(value)
        return None if place is None else _field(value.isoformat(), place)


def _field(value: str, place: Place) -> Field:
    return Field(value, round(_SURE * place.confidence, 3), place.page, place.box, place.text)
