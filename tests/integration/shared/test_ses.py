"""SES over a real connection: what is certain about a mail after each way of failing."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.adapters import ses
from shared.adapters.ses import Ses
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable, Throttled, TwolaneError
from tests.support.object_store import CREDENTIALS

RAW = b"Subject: Hello\r\n\r\nHello\r\n"
Answer = Callable[[BaseHTTPRequestHandler], None]


def says(status: int, body: dict[str, Any], **headers: str) -> Answer:
    """An answer of SES."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        content = json.dumps(body).encode()
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def refuses(status: int, code: str, **headers: str) -> Answer:
    """An error of SES, as its REST protocol tells it."""
    return says(status, {"message": code}, **{"x_amzn_ErrorType": code, **headers})


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """No answer, and the connection ends."""
    handler.close_connection = True


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    """Half an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"MessageId": ')
    handler.close_connection = True


class Endpoint:
    """Stands where SES would. `asked` is what came; `answer` is how it is answered."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Answer = says(200, {"MessageId": "0102"})
        self.released = threading.Event()

    def silent(self, _handler: BaseHTTPRequestHandler) -> None:
        """Say nothing until the test is over."""
        self.released.wait(20)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Where SES is, for clients made from now on."""
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Note what came, and answer."""
            made.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            made.answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(ses, "SECONDS", 0.5)
    yield made
    made.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def send(configuration_set: str | None = None) -> str:
    return Ses(configuration_set).send("Twolane <no-reply@twolane.example>", "ada@example.com", RAW)


def test_a_mail_is_handed_over_as_it_is(endpoint: Endpoint) -> None:
    assert send("twolane") == "0102"
    assert endpoint.asked == [
        {
            "ConfigurationSetName": "twolane",
            "Content": {"Raw": {"Data": base64.b64encode(RAW).decode()}},
            "Destination": {"ToAddresses": ["ada@example.com"]},
            "FromEmailAddress": "no-reply@twolane.example",
        }
    ]


def test_without_a_configuration_set_none_is_named(endpoint: Endpoint) -> None:
    send()
    assert "ConfigurationSetName" not in endpoint.asked[0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refuses(429, "TooManyRequestsException", Retry_After="9"), Throttled),
        (refuses(400, "LimitExceededException"), Throttled),
        (refuses(400, "SendingPausedException"), Throttled),
        (refuses(400, "AccountSuspendedException"), ProviderUnavailable),
        (refuses(403, "AccessDeniedException"), ProviderUnavailable),
        (refuses(403, "ExpiredTokenException"), ProviderUnavailable),
        (refuses(404, "NotFoundException"), ProviderUnavailable),
        (refuses(500, "InternalFailure"), ProviderUnavailable),
        (refuses(503, "ServiceUnavailable"), ProviderUnavailable),
        (refuses(502, ""), OutcomeUnknown),
        (refuses(504, ""), OutcomeUnknown),
        (refuses(400, "MessageRejected"), ProviderRefused),
        (refuses(400, "MailFromDomainNotVerifiedException"), ProviderRefused),
        (refuses(400, "BadRequestException"), ProviderRefused),
        (hangs_up, OutcomeUnknown),
        (breaks_off, OutcomeUnknown),
    ],
)
def test_what_is_known_after_each_failure(endpoint: Endpoint, answer: Answer, error: type[TwolaneError]) -> None:
    endpoint.answer = answer
    with pytest.raises(error) as caught:
        send()
    assert type(caught.value) is error
    # Tried once: who calls decides about later ones.
    assert len(endpoint.asked) == 1


def test_a_pause_that_ses_asks_for_is_kept(endpoint: Endpoint) -> None:
    endpoint.answer = refuses(429, "TooManyRequestsException", Retry_After="9")
    with pytest.raises(Throttled) as caught:
        send()
    assert caught.value.retry_after == 9


def test_an_answer_that_does_not_come_leaves_it_open(endpoint: Endpoint) -> None:
    endpoint.answer = endpoint.silent
    with pytest.raises(OutcomeUnknown):
        send()
    assert len(endpoint.asked) == 1


def test_where_nobody_listens_nothing_was_sent(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable):
        send()
    assert endpoint.asked == []
