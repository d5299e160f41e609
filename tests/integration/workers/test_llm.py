"""Fields that a language model chooses: a real HTTP server answers as models and their servers do, and fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.bootstrap import Services
from shared.config import Extraction
from shared.db.unit_of_work import Database
from shared.errors import (
    AnswerLost,
    CircuitOpen,
    EngineRefused,
    EngineUnavailable,
    EngineUnreachable,
    RateExceeded,
    SpendCapReached,
    Throttled,
    TwolaneError,
    UnusableAnswer,
)
from shared.models import Spend
from shared.services.circuits import FAILURES
from tests.support import e_invoices
from tests.support.model_server import asked, fails, says, writes
from tests.support.receiver import Receiver, in_turn, raw
from tests.unit.workers.extraction.test_e_invoice import pages, values
from workers.extraction import llm
from workers.extraction.checked import as_json
from workers.extraction.llm import Llm

SAID: dict[str, Any] = {
    "supplier": e_invoices.SUPPLIER,
    "invoice_number": e_invoices.NUMBER,
    "date": "2026-11-12",
    "due_date": "2026-11-26",
    "currency": "EUR",
    "total": "140.42",
    "tax": "22.42",
    "subtotal": "118.00",
    "address": "Pier 4, 20457 Hamburg",
    "iban": e_invoices.IBAN,
    "vat_id": e_invoices.VAT_ID,
    "lines": [{"description": "Lamp glass", "quantity": "2", "unit_price": "49.50", "amount": "99.00"}],
}
RIGHT = writes(json.dumps(SAID), usage=(1000, 200))


@pytest.fixture
def services(database: Database, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services on a fresh database; pauses are short."""
    monkeypatch.setattr(llm, "PAUSE_SECONDS", 0.01)
    services = Services()
    services.database = database
    return services


@pytest.fixture
def server() -> Iterator[Receiver]:
    """A model's server; tests change how it behaves."""
    with Receiver(RIGHT) as receiver:
        yield receiver


def model(services: Services, server: Receiver, **changes: Any) -> Llm:
    """The extractor, with prices: a question costs 1 a token, an answer 2, in millionths of a dollar."""
    given = {
        "extractor": "llm",
        "extractor_url": f"{server.url}/v1",
        "extractor_model": "some-model",
        "extractor_key": "secret-key",
        "extractor_input_dollars": 1,
        "extractor_output_dollars": 2,
    }
    return Llm(services, Extraction(**{**given, **changes}))


def found(extractor: Llm, *lines: str) -> dict[str, Any]:
    """The fields as the API shows them."""
    return as_json(extractor.extract(pages(*(lines or e_invoices.PRINTED))))


def spent(services: Services) -> int:
    """What is counted in all months."""
    with services.database.read() as session:
        return sum(row.micros for row in session.query(Spend))


def test_what_a_model_finds_is_placed_in_print(services: Services, server: Receiver) -> None:
    extractor = model(services, server)
    fields = found(extractor)
    assert values(fields) == {name: value for name, value in SAID.items() if name != "lines"}
    assert fields["total"] == {
        "value": "140.42",
        "confidence": 0.81,
        "page": 1,
        "box": fields["total"]["box"],
        "text": "140,42 EUR",
    }
    assert fields["lines"][0]["description"]["value"] == "Lamp glass"
    assert (extractor.micros, spent(services)) == (1400, 1400)


def test_a_model_is_shown_text_with_places_and_a_schema(services: Services, server: Receiver) -> None:
    found(model(services, server))
    (request,) = server.requests
    assert request.line.startswith("POST /v1/chat/completions")
    assert request.headers["authorization"] == "Bearer secret-key"
    body = asked(request)
    assert body["model"] == "some-model"
    assert "p1 50,38: Harbour Lights GmbH" in body["messages"][1]["content"].replace(" | ", " ")
    schema = body["response_format"]["json_schema"]["schema"]
    assert set(schema["properties"]) == set(SAID)


@pytest.mark.parametrize("name", [name for name in SAID if name != "lines"])
def test_what_is_not_in_print_is_dropped(services: Services, server: Receiver, name: str) -> None:
    invented = {"date": "2026-11-13", "due_date": "2027-01-01", "currency": "USD", "iban": "DE89370400440532013000"}
    server.behave = writes(json.dumps(SAID | {name: invented.get(name, "999.99")}))
    fields = values(found(model(services, server)))
    assert [key for key, value in fields.items() if value is None] == [name]


def test_a_sign_that_is_not_in_print_is_dropped_with_its_amount(services: Services, server: Receiver) -> None:
    server.behave = writes(json.dumps(SAID | {"total": "-140.42"}))
    assert found(model(services, server))["total"] is None


def test_numbers_and_fences_are_taken_as_they_are_meant(services: Services, server: Receiver) -> None:
    server.behave = writes("Here you are:\n```json\n" + json.dumps(SAID | {"total": 140.42}) + "\n```")
    assert found(model(services, server))["total"]["value"] == "140.42"


def test_a_server_that_knows_no_schemas_is_asked_without(services: Services, server: Receiver) -> None:
    server.behave = in_turn(fails(400, "response_format is not supported"), RIGHT)
    assert found(model(services, server))["total"]["value"] == "140.42"
    assert [("response_format" in asked(request)) for request in server.requests] == [True, False]


def test_a_server_that_is_busy_is_asked_again(services: Services, server: Receiver) -> None:
    server.behave = in_turn(fails(429, Retry_After="0"), RIGHT)
    assert found(model(services, server))["total"]["value"] == "140.42"
    assert spent(services) == 1400


@pytest.mark.parametrize(
    ("behaviour", "error", "requests"),
    [
        (fails(401), EngineUnavailable, 1),
        (fails(400), EngineRefused, 2),
        (fails(429, Retry_After="0"), Throttled, 2),
        (fails(503), EngineUnreachable, 2),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), AnswerLost, 2),
        (says({"no": "completion"}), AnswerLost, 2),
        (writes("I am sorry."), UnusableAnswer, 1),
        (writes('{"total": {"nested": true}}'), UnusableAnswer, 1),
        (writes("[" * 100_000), UnusableAnswer, 1),
        (writes('{"lines": ' + "[" * 100_000), UnusableAnswer, 1),
        (writes(json.dumps(SAID)[:50], finish_reason="length"), UnusableAnswer, 1),
        (writes(None, refusal="I will not."), UnusableAnswer, 1),
        (writes('{"total": "999.99"}'), UnusableAnswer, 1),
        (writes('{"total": "NaN", "date": "soon", "currency": ""}'), UnusableAnswer, 1),
    ],
)
def test_a_failure_says_what_it_is(
    services: Services, server: Receiver, behaviour: Any, error: type[TwolaneError], requests: int
) -> None:
    server.behave = behaviour
    with pytest.raises(error) as raised:
        found(model(services, server))
    assert type(raised.value) is error
    assert len(server.requests) == requests


def test_an_answer_that_was_lost_is_counted_and_one_that_was_refused_is_not(
    services: Services, server: Receiver
) -> None:
    server.behave = fails(503)
    with pytest.raises(EngineUnreachable):
        found(refused := model(services, server))
    assert (refused.micros, spent(services)) == (0, 0)
    server.behave = raw(b"")
    with pytest.raises(AnswerLost):
        found(lost := model(services, server))
    assert lost.micros == spent(services) > 2 * 2 * 4000


def test_a_model_is_not_asked_beyond_its_budget(services: Services, server: Receiver) -> None:
    with pytest.raises(SpendCapReached):
        found(model(services, server, extractor_monthly_dollars=0.001))
    assert server.requests == []


def test_a_model_is_not_asked_more_often_than_it_may_be(services: Services, server: Receiver) -> None:
    found(model(services, server, extractor_rate=0.001))
    with pytest.raises(RateExceeded):
        found(model(services, server, extractor_rate=0.001))
    assert len(server.requests) == 1


def test_a_model_that_fails_again_and_again_is_left_alone(services: Services, server: Receiver) -> None:
    server.behave = fails(500)
    for _ in range((FAILURES + 1) // 2):
        with pytest.raises(TwolaneError):
            found(model(services, server))
    with pytest.raises(CircuitOpen):
        found(model(services, server))
    assert len(server.requests) == FAILURES


def test_a_page_without_words_is_nothing_to_ask_about(services: Services, server: Receiver) -> None:
    with pytest.raises(UnusableAnswer, match="no words"):
        model(services, server).extract(pages())
    assert server.requests == []
