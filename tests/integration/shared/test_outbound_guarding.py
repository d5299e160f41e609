"""What is not called: every connection that is tried is seen, by the interpreter's own account."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from shared.adapters.outbound import Outbound
from shared.adapters.outbound_guard import Address
from shared.config import Outbound as Settings
from shared.errors import DeliveryRefused, UrlNotAllowed
from tests.support.hostile_urls import LITERAL, RESOLVED, Resolver
from tests.support.outward import caller, post
from tests.support.receiver import Receiver, answer, raw

_tried: list[tuple[str, Any]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """The interpreter itself says what is resolved and connected to, whoever asks."""
    if event in {"socket.connect", "socket.getaddrinfo"}:
        _tried.append((event, arguments[1] if event == "socket.connect" else arguments[0]))


sys.addaudithook(_note)


@pytest.fixture
def tried() -> list[tuple[str, Any]]:
    """What was resolved by the system or connected to since the test began."""
    _tried.clear()
    return _tried


@pytest.fixture
def victim() -> Iterator[Receiver]:
    """What must not be reached."""
    with Receiver(answer(), host="127.0.0.1") as listening:
        yield listening


@pytest.mark.parametrize("url", LITERAL + RESOLVED)
def test_nothing_is_sent_to_a_hostile_url(url: str, victim: Receiver, tried: list[Any]) -> None:
    hostile = Outbound(Settings(outbound_allowed_networks=""), resolve=Resolver())
    with pytest.raises(UrlNotAllowed):
        hostile.post(url.format(port=victim.port), {}, b"{}")
    assert (tried, victim.connections) == ([], 0)


@pytest.mark.parametrize("url", [url for url in LITERAL + RESOLVED if url])
def test_nobody_can_redirect_to_a_hostile_url(url: str, victim: Receiver, tried: list[Any]) -> None:
    location = url.format(port=victim.port).encode().translate(None, b"\r\n\x00")
    with Receiver(
        raw(b"HTTP/1.1 307 Elsewhere\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
    ) as receiver:
        # What has neither scheme nor slashes is a path of the receiver's own, and leads round and round.
        with pytest.raises((UrlNotAllowed, DeliveryRefused)):
            post(receiver.url + "/hook")
        assert victim.connections == 0
        assert {where for event, where in tried if event == "socket.connect"} <= {(receiver.host, receiver.port)}


def test_what_a_name_server_says_a_moment_later_changes_nothing(victim: Receiver) -> None:
    answers = [["127.0.0.2"], ["127.0.0.1"]]
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[Address]:
        del port
        asked.append(host)
        return [ip_address(text) for text in answers[min(len(asked), 2) - 1]]

    with Receiver(answer(), port=victim.port) as receiver:
        assert post(f"http://rebinding.example.com:{receiver.port}/", resolve=resolve).status == 200
        assert (asked, len(receiver.requests), victim.connections) == (["rebinding.example.com"], 1, 0)
        with pytest.raises(UrlNotAllowed):
            post(f"http://rebinding.example.com:{receiver.port}/", resolve=resolve)
    assert victim.connections == 0


def test_a_redirect_to_a_name_is_resolved_anew_and_checked(victim: Receiver) -> None:
    with Receiver(answer(308, Location=f"http://mixed.example.com:{victim.port}/")) as receiver:
        resolver = Resolver(**{"first.example.com": [receiver.host]})
        with pytest.raises(UrlNotAllowed, match=r"mixed\.example\.com has the address 127\.0\.0\.1"):
            post(f"http://first.example.com:{receiver.port}/", resolve=resolver)
    assert resolver.asked == ["first.example.com", "mixed.example.com"]
    assert victim.connections == 0


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, victim: Receiver) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, victim.url)
    monkeypatch.setenv("no_proxy", "")
    with Receiver(answer(Set_Cookie="a=b")) as receiver:
        outbound = caller()
        for _ in range(2):
            outbound.post(receiver.url, {}, b"{}")
        assert all("cookie" not in request.headers for request in receiver.requests)
    assert victim.connections == 0
