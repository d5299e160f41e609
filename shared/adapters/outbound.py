"""Calls to addresses that strangers name: webhooks and callbacks.

A name is resolved once, every address it has is checked, and the connection is made to one of exactly those: what a
name server says a moment later changes nothing. Redirects go the same way again. Time and bytes are capped, also for a
server that sends a byte a second. Neither proxies nor credentials of the environment are used, and no cookie is kept.
"""

from __future__ import annotations

import http.client
import math
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urljoin

from shared.adapters.deadlines import Deadline, TimedSocket, connect
from shared.adapters.outbound_guard import Address, Guard, Target
from shared.config import Outbound as OutboundSettings
from shared.errors import DeliveryFailed, DeliveryRefused, ReceiverUnreachable, UrlNotAllowed

MAX_REDIRECTS = 3
FOLLOWED = frozenset({307, 308})
"""The redirects that repeat a POST as it was; others would turn it into a GET."""

MAX_BODY_BYTES = 64 * 1024
"""Read of an answer; the rest is left where it is."""

MAX_BYTES = 2 * MAX_BODY_BYTES
"""Read of an answer altogether, its headers and chunk sizes included."""

_CHUNK = 16 * 1024

Resolve = Callable[[str, int], Sequence[Address]]
"""Name and port to addresses; raises OSError where there are none."""


def resolve_by_system(host: str, port: int) -> list[Address]:
    """Ask the system's resolver.

    Raises:
        OSError: it knows no address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(where[0])) for *_, where in found))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered.

    Attributes:
        status: of HTTP; no redirect that was followed.
        text: the beginning of the body, at most 64 KiB.
        retry_after: seconds it asks to be left alone for, if it does.
        url: what answered, after redirects.
        refused: why its redirect is not followed, where it is one.
    """

    status: int
    text: str
    retry_after: float | None
    url: str
    refused: DeliveryRefused | UrlNotAllowed | None = None


class Outbound:
    """The one way out to addresses that strangers name.

    Args:
        settings: networks allowed beside the public ones, and the time one call may take.
        resolve: asks the name server; the system's if not given.
        tls: verifies certificates; by the system's authorities if not given.
    """

    def __init__(
        self, settings: OutboundSettings, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.guard = Guard(settings.outbound_allowed_networks)
        self._seconds = settings.outbound_timeout_seconds
        self._resolve = resolve or resolve_by_system
        self._given_tls = tls

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body and follow at most three redirects, all within one time limit.

        Returns:
            What answered last; a redirect that is not followed says why in `refused`.

        Raises:
            UrlNotAllowed: the URL, or one of its addresses, is not called from here.
            ReceiverUnreachable: no address, no connection, no valid certificate.
            DeliveryFailed: no answer in time, or whoever it redirects to can't be reached.
        """
        deadline = Deadline(self._seconds)
        reply, target = self._exchange(self.guard.read(url), headers, body, deadline)
        for _ in range(MAX_REDIRECTS):
            if target is None:
                return reply
            try:
                reply, target = self._exchange(target, headers, body, deadline)
            except UrlNotAllowed as error:
                return replace(reply, refused=error)
            except ReceiverUnreachable as error:
                # Who redirects was reached: it must not pass for a host that is away because it names one that is.
                raise DeliveryFailed(error.detail) from error
        if target is None:
            return reply
        message = f"The receiver redirects more than {MAX_REDIRECTS} times; give the last URL."
        return replace(reply, refused=DeliveryRefused(message))

    def _leads_to(self, target: Target, status: int, location: str) -> Target:
        """Where a redirect leads to.

        Raises:
            DeliveryRefused, UrlNotAllowed: it is not followed.
        """
        if status not in FOLLOWED:
            raise DeliveryRefused(
                f"The receiver answered {status}, a redirect that is not followed; give the URL it leads to, "
                "or let it answer 307 or 308."
            )
        if not location:
            raise DeliveryRefused(f"The receiver answered {status} without a Location, so there is nothing to follow.")
        leads_to = self.guard.read(_joined(target.url, location))
        if target.scheme == "https" and leads_to.scheme != "https":
            raise UrlNotAllowed("The receiver redirects from https to http; what is sent would be open to all.")
        return leads_to

    def _exchange(
        self, target: Target, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[Reply, Target | None]:
        """One request and its answer, and where it redirects to, if that is followed."""
        with _our_errors(target, ReceiverUnreachable):
            plain = self._connected(target, deadline)
        with plain, _our_errors(target, DeliveryFailed):
            response = _asked(target, TimedSocket(plain, deadline, MAX_BYTES), headers, body)
            leads_to: Target | None = None
            refused: DeliveryRefused | UrlNotAllowed | None = None
            if (location := _location(response)) is not None:
                try:
                    leads_to = self._leads_to(target, response.status, location)
                except (DeliveryRefused, UrlNotAllowed) as error:
                    refused = error
            text = "" if leads_to else _text(response)
        return Reply(response.status, text, _retry_after(response), target.url, refused), leads_to

    def _connected(self, target: Target, deadline: Deadline) -> socket.socket:
        """A connection to one of the target's addresses, which have all been checked."""
        addresses = [target.literal] if target.literal else self._addresses(target, deadline)
        self.guard.check(target, addresses)
        plain = connect(addresses, target.port, deadline)
        if target.scheme == "http":
            return plain
        # The encrypted one takes the plain one's place; where it can't be made, the plain one is closed here.
        with plain:
            plain.settimeout(deadline.left())
            return self._tls.wrap_socket(plain, server_hostname=target.host)

    def _addresses(self, target: Target, deadline: Deadline) -> Sequence[Address]:
        """Ask the name server, once, for as long as there is time: its own patience can't be set."""
        answers: SimpleQueue[Sequence[Address] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(target.host, target.port))
            except Exception as error:  # noqa: BLE001  # handed to who asked
                answers.put(error)

        Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=deadline.left())
        except Empty:
            raise TimeoutError from None
        if isinstance(answer, Exception):
            raise answer
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return answer

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()


def _asked(target: Target, sock: TimedSocket, headers: Mapping[str, str], body: bytes) -> http.client.HTTPResponse:
    """Send a request and read the answer up to its body."""
    connection = http.client.HTTPConnection(target.host, target.port)
    # It has its connection, so it neither resolves nor connects, and reads no proxy from the environment.
    connection.sock = sock
    connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
    sent = {"Host": target.authority, "Accept-Encoding": "identity", "Connection": "close"}
    for name, value in {**headers, **sent, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    # Any: http.client wants no more of a socket, and of the interim ones no more is wanted.
    stream: Any = sock
    passed: list[Any] = []
    while response.status < HTTPStatus.OK:
        # No answer yet, e.g. 103 Early Hints. Kept, as it would close the file that the answer is read from.
        passed.append(response)
        response = http.client.HTTPResponse(stream, method="POST")
        response.begin()
    for interim in passed:
        interim.fp = None
    return response


def _beginning(response: http.client.HTTPResponse) -> bytes:
    """As much of a body as is kept. What breaks off or takes too long ends it: the status is known by then."""
    read = bytearray()
    try:
        while len(read) < MAX_BODY_BYTES and (chunk := response.read1(min(_CHUNK, MAX_BODY_BYTES - len(read)))):
            read += chunk
    except (OSError, http.client.HTTPException, ValueError):
        pass
    return bytes(read)


def _text(response: http.client.HTTPResponse) -> str:
    encoding = response.getheader("Content-Encoding") or "identity"
    if encoding.lower() != "identity":
        # Asked for without; and nothing is unpacked here, however large it would become.
        return f"(encoded as {encoding[:40]}, not decoded)"
    return _beginning(response).decode("utf-8", "replace")


def _joined(url: str, location: str) -> str:
    """Where a redirect leads to; as it came where it can't be joined, and the guard will refuse it."""
    if not location.isprintable():
        # urljoin leaves out characters that the guard refuses.
        return location
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _location(response: http.client.HTTPResponse) -> str | None:
    """Where a redirect leads to; empty where it does not say."""
    if not 300 <= response.status < 400:  # noqa: PLR2004  # HTTP's own numbers
        return None
    return response.getheader("Location") or ""


def _retry_after(response: http.client.HTTPResponse) -> float | None:
    return seconds_to_wait(response.getheader("Retry-After"))


def seconds_to_wait(retry_after: str | None) -> float | None:
    """The seconds of `Retry-After`, which is a number or a date; what is neither, or past, says nothing."""
    said = (retry_after or "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        when = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(math.ceil((when - datetime.now(UTC)).total_seconds()), 0)


@contextmanager
def _our_errors(target: Target, kind: type[DeliveryFailed]) -> Iterator[None]:
    """Say what failed; all of it may be better next time."""
    where = target.authority
    try:
        yield
    except TimeoutError as error:
        raise kind(f"{where} did not answer in time.") from error
    except ssl.SSLCertVerificationError as error:
        raise kind(f"{where} has no valid certificate: {error.verify_message}") from error
    except socket.gaierror as error:
        raise kind(f"The name {target.host} has no address now: {error.strerror}.") from error
    except OSError as error:
        raise kind(f"{where} can't be reached: {error.strerror or error}.") from error
    except http.client.HTTPException as error:
        raise kind(f"{where} closed the connection or answered no HTTP: {_named(error)}.") from error


def _named(error: http.client.HTTPException) -> str:
    return f"{type(error).__name__} {str(error)[:100]}".strip()
