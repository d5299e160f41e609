"""The client of OpenAI-compatible endpoints, against a server that does what such servers do."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from shared.adapters import vision
from shared.adapters.vision import ChatEndpoint, Completion
from shared.errors import (
    AnswerLost,
    EngineRefused,
    EngineUnavailable,
    EngineUnreachable,
    Throttled,
    UnusableAnswer,
)
from tests.support.certificates import Authority
from tests.support.model_server import Behaviour, asked, completion, fails, says, writes
from tests.support.receiver import Receiver, Request, answer, drip, hang, raw

KEY = "sk-very-secret"
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Set at the end, for servers that wait."""
    event = threading.Event()
    yield event
    event.set()


def ask(behave: Behaviour, *, seconds: float = 5) -> Completion:
    """Ask a server that behaves so."""
    with Receiver(behave) as server:
        return ChatEndpoint(f"{server.url}/v1", "a-model", lambda: KEY, seconds=seconds).chat(HELLO, max_tokens=100)


def test_it_asks_as_the_api_wants_it() -> None:
    """Model, messages, key and what is beside; no more than was said."""
    with Receiver(writes()) as server:
        ChatEndpoint(f"{server.url}/v1/", "a-model", lambda: KEY).chat(
            HELLO, max_tokens=77, response_format={"type": "json_object"}, logprobs=True, extra={"top_k": 1}
        )
    (request,) = server.requests
    assert request.line == "POST /v1/chat/completions HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert asked(request) == {
        "model": "a-model",
        "messages": HELLO,
        "max_tokens": 77,
        "temperature": 0,
        "stream": False,
        "response_format": {"type": "json_object"},
        "logprobs": True,
        "top_k": 1,
    }


def test_a_server_without_keys_gets_none() -> None:
    """No header at all, and no credentials of the environment."""
    with Receiver(writes()) as server:
        ChatEndpoint(server.url, "a-model").chat(HELLO, max_tokens=1)
    assert "authorization" not in server.requests[0].headers


def test_it_tells_what_came() -> None:
    """Text, reason, tokens and probabilities."""
    found = ask(writes("Hi there", usage=(12, 3), tokens=[("Hi", -0.1), (" there", -0.5)]))
    assert found == Completion("Hi there", "stop", 12, 3, (("Hi", -0.1), (" there", -0.5)))
    found.require_whole()


@pytest.mark.parametrize("usage", [None, "many", {"prompt_tokens": -4, "completion_tokens": "x"}, [1]])
def test_usage_that_makes_no_sense_is_none(usage: object) -> None:
    """The text is good all the same."""
    found = ask(writes(usage=usage))
    assert (found.text, found.input_tokens, found.output_tokens) == ("text", None, None)


def test_text_may_come_in_parts() -> None:
    """As some servers send it."""
    message = completion()
    message["choices"][0]["message"]["content"] = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert ask(says(message)).text == "ab"


@pytest.mark.parametrize(
    "behave",
    [
        writes("half a", finish_reason="length"),
        writes("", finish_reason="content_filter"),
        writes(None, refusal="I can't help with that."),
    ],
)
def test_half_an_answer_is_refused(behave: Behaviour) -> None:
    """By who needs a whole one."""
    found = ask(behave)
    with pytest.raises(UnusableAnswer):
        found.require_whole()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b'{"choices": []}',
        b'{"choices": [{"message": "text"}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": [{"type": "text"}]}}]}',
        b"[" * 200_000,
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        gzip.compress(json.dumps(completion()).encode()),
    ],
)
def test_an_answer_that_is_no_completion_is_lost(body: bytes) -> None:
    """Whoever sent it: it may be charged."""
    with pytest.raises(AnswerLost):
        ask(answer(200, body))


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_wrong_key_is_the_operators_business(status: int) -> None:
    """And what the server says about it, which may be the key, is nobody's."""
    with pytest.raises(EngineUnavailable) as met:
        ask(fails(status, f"Incorrect key {KEY}"))
    assert KEY not in str(met.value)


@pytest.mark.parametrize("status", [400, 413, 422, 302, 307])
def test_a_question_may_be_refused(status: int) -> None:
    """For good; a redirect is one, wherever it leads."""
    with pytest.raises(EngineRefused) as met:
        ask(fails(status, f"no, {KEY}\x00\nno", Location="http://127.0.0.1:1/"))
    assert KEY not in str(met.value)
    assert "\n" not in str(met.value)


@pytest.mark.parametrize("before", range(270, 300, 5))
def test_no_part_of_a_key_is_told(before: int) -> None:
    """Wherever in what it says the server quotes it."""
    with pytest.raises(EngineRefused) as met:
        ask(fails(400, f"{'x' * before} {KEY}"))
    assert KEY[:4] not in str(met.value)


@pytest.mark.parametrize("key", ["sk-very\nsecret", "sk-very-s\u00e9cret", "sk-\x7fvery"])
def test_a_key_that_no_header_can_hold_is_the_operators_business(key: str) -> None:
    """And is not told."""
    with Receiver(writes()) as server, pytest.raises(EngineUnavailable) as met:
        ChatEndpoint(server.url, "a-model", lambda: key).chat(HELLO, max_tokens=1)
    assert "sk-" not in str(met.value)
    assert server.requests == []


def test_a_line_feed_behind_a_key_is_no_part_of_it() -> None:
    """Secrets made from files have one."""
    with Receiver(writes()) as server:
        ChatEndpoint(server.url, "a-model", lambda: f"{KEY}\n").chat(HELLO, max_tokens=1)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_busy_server_says_for_how_long() -> None:
    """In seconds, as a date, or not at all."""
    with pytest.raises(Throttled) as met:
        ask(fails(429, Retry_After="7"))
    assert met.value.retry_after == 7
    with pytest.raises(Throttled) as met:
        ask(fails(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)))
    assert met.value.retry_after == pytest.approx(100, abs=5)
    with pytest.raises(Throttled) as met:
        ask(fails(429))
    assert met.value.retry_after == Throttled.retry_after


@pytest.mark.parametrize("status", [408, 500, 502, 503, 529])
def test_a_failing_server_may_do_better_later(status: int) -> None:
    """It charged nothing."""
    with pytest.raises(EngineUnreachable) as met:
        ask(fails(status, Retry_After="3"))
    assert not isinstance(met.value, AnswerLost)
    assert met.value.retry_after == 3


def test_nobody_there_was_not_asked() -> None:
    """A closed port, and a name without an address."""
    with socket.create_server(("127.0.0.2", 0)) as free:
        port = free.getsockname()[1]
    for url in (f"http://127.0.0.2:{port}", "http://nobody.invalid"):
        with pytest.raises(EngineUnreachable) as met:
            ChatEndpoint(url, "a-model").chat(HELLO, max_tokens=1)
        assert not isinstance(met.value, AnswerLost)


def reset(connection: socket.socket, _: Request) -> None:
    """Break the connection off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


@pytest.mark.parametrize("behave", [reset, raw(b""), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), raw(b"?")])
def test_what_breaks_off_may_be_charged(behave: Behaviour) -> None:
    """It was asked."""
    with pytest.raises(AnswerLost):
        ask(behave)


@pytest.mark.parametrize("sent", [b"H", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\n\r\n["])
def test_a_server_that_drips_is_left_after_the_time(over: threading.Event, sent: bytes) -> None:
    """From the first packet to the last byte, wherever it drips."""

    def behave(connection: socket.socket, request: Request) -> None:
        connection.sendall(sent)
        drip(over, b"x")(connection, request)

    began = time.monotonic()
    with pytest.raises(AnswerLost, match=r"within 0\.6 seconds"):
        ask(behave, seconds=0.6)
    assert time.monotonic() - began < 3


def test_a_silent_server_is_left_after_the_time(over: threading.Event) -> None:
    """Likewise; and less time may be left than usual."""
    with Receiver(hang(over)) as server, pytest.raises(AnswerLost):
        ChatEndpoint(server.url, "a-model").chat(HELLO, max_tokens=1, seconds=0.3)


def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it fills the memory."""
    monkeypatch.setattr(vision, "MAX_ANSWER_BYTES", 100_000)

    def behave(connection: socket.socket, _: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"[" * 10_000)

    with pytest.raises(UnusableAnswer, match="MiB") as met:
        ask(behave)
    assert met.value.micros is None


def test_certificates_are_verified(tmp_path: Path, over: threading.Event) -> None:
    """Of a stranger nobody is asked; of the operator's own authority, all is as usual, time limits too."""
    authority = Authority(tmp_path)
    with Receiver(writes("safe"), tls=authority.serving("127.0.0.2")) as server:
        with pytest.raises(EngineUnreachable, match="certificate"):
            ChatEndpoint(server.url, "a-model", lambda: KEY).chat(HELLO, max_tokens=1)
        assert not server.requests
        trusting = ChatEndpoint(server.url, "a-model", tls=authority.trusting())
        assert trusting.chat(HELLO, max_tokens=1).text == "safe"
    with Receiver(drip(over, b"x"), tls=authority.serving("127.0.0.2")) as server, pytest.raises(AnswerLost):
        ChatEndpoint(server.url, "a-model", tls=authority.trusting()).chat(HELLO, max_tokens=1, seconds=0.5)


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would see the key."""
    with Receiver(writes("proxy"), host="127.0.0.3") as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert ask(writes("direct")).text == "direct"
    assert not proxy.requests
