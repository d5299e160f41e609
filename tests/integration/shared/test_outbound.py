"""Calls to strangers: real receivers on addresses of this machine. What is not called: `test_outbound_guarding`."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from shared.adapters.outbound import MAX_BODY_BYTES, Outbound
from shared.adapters.outbound_guard import Address
from shared.config import Outbound as Settings
from shared.errors import DeliveryFailed, DeliveryRefused, UrlNotAllowed
from tests.support.certificates import Authority
from tests.support.hostile_urls import Resolver
from tests.support.outward import SECONDS, post
from tests.support.receiver import Receiver, Request, answer, drip, hang, in_turn, raw

# --- what is sent


def test_a_body_arrives_with_its_headers() -> None:
    resolver = Resolver(**{"hooks.example.com": ["127.0.0.2"]})
    with Receiver(answer(202, b"thank you")) as receiver:
        reply = post(f"http://hooks.example.com:{receiver.port}/in?a=%20b#part", resolve=resolver)
        [request] = receiver.requests
    assert (reply.status, reply.text, reply.retry_after) == (202, "thank you", None)
    assert request.line == "POST /in?a=%20b HTTP/1.1"
    assert request.body == b'{"a": 1}'
    assert request.headers == {
        "content-type": "application/json",
        "host": f"hooks.example.com:{receiver.port}",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": "8",
    }


def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    resolver = Resolver(**{"two.example.com": ["127.0.0.3", "127.0.0.2"]})
    settings = Settings(outbound_allowed_networks="127.0.0.2/31", outbound_timeout_seconds=SECONDS)
    with Receiver(answer()) as receiver:
        reply = Outbound(settings, resolve=resolver).post(f"http://two.example.com:{receiver.port}/", {}, b"")
    assert reply.status == 200


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


def test_what_comes_before_the_answer_is_not_the_answer() -> None:
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere"
    with Receiver(raw(PROCESSING + b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS * 3 + final)) as receiver:
        reply = post(receiver.url)
    assert (reply.status, reply.text) == (200, "there")


def test_hints_without_an_end_are_no_answer() -> None:
    with Receiver(raw(HINTS * 10_000)) as receiver, pytest.raises(DeliveryFailed):
        post(receiver.url)
    over = Event()
    with Receiver(drip(over, HINTS, seconds=0.001)) as receiver, pytest.raises(DeliveryFailed, match="in time"):
        post(receiver.url)
    over.set()


# --- redirects


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_repeats_the_post_is_followed(status: int) -> None:
    with Receiver(in_turn(answer(status, Location="../moved?x=1"), answer(204, b""))) as receiver:
        reply = post(receiver.url + "/hooks/one")
        assert (reply.status, reply.url) == (204, receiver.url + "/moved?x=1")
        assert [request.body for request in receiver.requests] == [b'{"a": 1}'] * 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304])
def test_any_other_redirect_is_refused_by_its_number(status: int) -> None:
    with Receiver(answer(status, b"", Location="/elsewhere")) as receiver:
        with pytest.raises(DeliveryRefused, match=str(status)):
            post(receiver.url)
        assert len(receiver.requests) == 1


def test_three_redirects_are_followed_and_no_fourth() -> None:
    onward = answer(307, b"", Location="/again")
    with Receiver(in_turn(onward, onward, onward, answer())) as receiver:
        assert post(receiver.url).status == 200
    with Receiver(onward) as receiver:
        with pytest.raises(DeliveryRefused, match="more than 3"):
            post(receiver.url)
        assert len(receiver.requests) == 4


def test_a_redirect_without_a_location_leads_nowhere() -> None:
    with Receiver(answer(307, b"")) as receiver, pytest.raises(DeliveryRefused, match="Location"):
        post(receiver.url)


# --- time and size


def timed_out(url: str, **how: Any) -> None:
    start = time.monotonic()
    with pytest.raises(DeliveryFailed, match="in time"):
        post(url, **how)
    assert SECONDS * 0.9 <= time.monotonic() - start < SECONDS + 1


def test_a_receiver_that_hangs_is_left_in_time() -> None:
    over = Event()
    with Receiver(hang(over)) as receiver:
        timed_out(receiver.url)
        over.set()


@pytest.mark.parametrize(
    "data",
    [
        b"H",
        b"HTTP/1.1 200 OK\r\nX-A: ",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 50,
    ],
)
def test_a_receiver_that_drips_its_headers_is_left_in_time(data: bytes) -> None:
    over = Event()
    with Receiver(drip(over, data)) as receiver:
        timed_out(receiver.url)
        over.set()


def test_a_receiver_that_drips_its_body_has_answered_all_the_same() -> None:
    over = Event()
    start = time.monotonic()
    body = drip(over, b"x")

    def behave(connection: socket.socket, request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        body(connection, request)

    with Receiver(behave) as receiver:
        reply = post(receiver.url)
        over.set()
    assert reply.status == 200
    assert set(reply.text) == {"x"}
    assert time.monotonic() - start < SECONDS + 1


def test_redirects_have_no_time_of_their_own() -> None:
    over = Event()

    def slowly(connection: socket.socket, request: Request) -> None:
        over.wait(SECONDS * 0.4)
        answer(307, b"", Location="/again")(connection, request)

    with Receiver(slowly) as receiver:
        timed_out(receiver.url)


def test_a_name_server_that_is_silent_is_left_in_time() -> None:
    over = Event()

    def silent(_host: str, _port: int) -> list[Address]:
        over.wait(10)
        return []

    timed_out("http://silent.example.com/", resolve=silent)
    over.set()


def test_no_more_than_the_beginning_of_an_answer_is_read() -> None:
    with Receiver(answer(200, b"y" * 20_000_000)) as receiver:
        assert post(receiver.url, seconds=5).text == "y" * MAX_BODY_BYTES


def test_endless_headers_and_chunks_end() -> None:
    headers = raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1_000_000)
    with Receiver(headers) as receiver, pytest.raises(DeliveryFailed, match="headers"):
        post(receiver.url, seconds=5)
    chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nz\r\n" * 1_000_000
    with Receiver(raw(chunk)) as receiver:
        assert set(post(receiver.url, seconds=5).text) == {"z"}


def test_a_receiver_that_never_comes_to_the_point_is_not_listened_to_for_long() -> None:
    sent: list[int] = []

    def behave(connection: socket.socket, _: Request) -> None:
        while len(sent) < 100:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000)
            sent.append(500_000)

    with Receiver(behave) as receiver, pytest.raises(DeliveryFailed, match=r"closed|reached"):
        post(receiver.url, seconds=20)
    # What was sent filled the buffers of both ends; hardly any of it was read.
    assert sum(sent) < 20_000_000


def test_nothing_is_unpacked() -> None:
    with Receiver(answer(200, b"\x1f\x8b" + bytes(1000), Content_Encoding="gzip")) as receiver:
        assert post(receiver.url).text == "(encoded as gzip, not decoded)"


# --- what breaks


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-OpenSSH_9.7\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x16"]
)
def test_what_is_no_answer_is_a_failure(data: bytes) -> None:
    with Receiver(raw(data)) as receiver, pytest.raises(DeliveryFailed):
        post(receiver.url)


def test_an_answer_that_breaks_off_counts_as_far_as_it_came() -> None:
    with Receiver(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as receiver:
        assert (post(receiver.url).status, post(receiver.url).text) == (200, "half")


def test_nobody_listening_and_no_address_are_failures() -> None:
    with Receiver(answer()) as receiver:
        url = receiver.url
    with pytest.raises(DeliveryFailed, match="can't be reached"):
        post(url)
    with pytest.raises(DeliveryFailed, match=r"nowhere\.example\.com has no address"):
        post("http://nowhere.example.com/", resolve=Resolver(**{"nowhere.example.com": []}))


def test_what_retry_after_says_is_understood() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    said: dict[str, float | None] = {"17": 17, "0": 0, "-1": None, "soon": None, "9" * 5000: 999999999, "": None}
    for text, seconds in said.items():
        with Receiver(answer(503, Retry_After=text)) as receiver:
            assert post(receiver.url).retry_after == seconds, text
    with Receiver(answer(429, Retry_After=date)) as receiver:
        assert post(receiver.url).retry_after == pytest.approx(90, abs=3)
    with Receiver(answer(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")) as receiver:
        assert post(receiver.url).retry_after == 0


# --- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_certificate_is_verified_against_the_name_and_not_the_address(authority: Authority) -> None:
    resolver = Resolver(**{"hooks.example.com": ["127.0.0.2"]})
    with Receiver(answer(), tls=authority.serving("hooks.example.com")) as receiver:
        reply = post(f"https://hooks.example.com:{receiver.port}/", resolve=resolver, tls=authority.trusting())
        assert reply.status == 200
        with pytest.raises(DeliveryFailed, match="no valid certificate"):
            post(receiver.url, tls=authority.trusting())


@pytest.mark.parametrize(("name", "days"), [("other.example.com", 1), ("hooks.example.com", -1)])
def test_a_wrong_certificate_is_a_failure_and_nothing_is_sent(authority: Authority, name: str, days: int) -> None:
    resolver = Resolver(**{"hooks.example.com": ["127.0.0.2"]})
    with Receiver(answer(), tls=authority.serving(name, days=days)) as receiver:
        with pytest.raises(DeliveryFailed, match="no valid certificate"):
            post(f"https://hooks.example.com:{receiver.port}/", resolve=resolver, tls=authority.trusting())
        assert receiver.requests == []


def test_an_authority_that_the_system_does_not_know_is_none(authority: Authority) -> None:
    with Receiver(answer(), tls=authority.serving("127.0.0.2")) as receiver:
        with pytest.raises(DeliveryFailed, match="no valid certificate"):
            post(receiver.url, seconds=5)
        assert post(receiver.url, seconds=5, tls=authority.trusting()).status == 200


def test_what_came_by_https_is_not_sent_on_by_http(authority: Authority) -> None:
    with Receiver(answer()) as plain:
        onward = answer(307, b"", Location=plain.url)
        secure = Receiver(onward, tls=authority.serving("127.0.0.2"))
        with secure as receiver, pytest.raises(UrlNotAllowed, match="from https to http"):
            post(receiver.url, seconds=5, tls=authority.trusting())
        assert plain.connections == 0


def test_a_handshake_that_never_comes_is_left_in_time() -> None:
    with Receiver(answer()) as receiver:
        timed_out(receiver.url.replace("http:", "https:"))
