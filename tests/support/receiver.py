"""A real HTTP receiver that does what receivers do: answers, is slow, breaks off, sends too much, or says nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """What came: the first line, headers by lower-case name, and the body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """Listens on an address of this machine; use it in a `with` block.

    Attributes:
        behave: gets the connection and the request, and answers; the connection is closed afterwards.
        host: where; 127.0.0.2 is this machine too, and can be allowed while 127.0.0.1 is not.
        port: any free one if 0.
        tls: makes it https.
        requests: what came, in order.
        connections: how many there were, with or without a request.
    """

    behave: Callable[[socket.socket, Request], None]
    host: str = "127.0.0.2"
    port: int = 0
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _listener: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where it answers, without a path."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        """Listen."""
        self._listener = socket.create_server((self.host, self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        if self._listener:
            with suppress(OSError):
                # Wakes the thread that accepts; closing alone does not.
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # A caller may go away in the middle of anything; that is what several tests are about.
        with suppress(OSError), connection:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                request = _read(connection)
                if request:
                    self.requests.append(request)
                    self.behave(connection, request)


def _read(connection: socket.socket) -> Request | None:
    read = b""
    while HEAD_END not in read:
        packet = connection.recv(65536)
        if not packet:
            return None
        read += packet
    head, _, body = read.partition(HEAD_END)
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (item.partition(":") for item in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Request(line, headers, body)


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> Callable[[socket.socket, Request], None]:
    """Answer; `retry_after="3"` is `Retry-After: 3`."""
    named = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())

    def behave(connection: socket.socket, _: Request) -> None:
        connection.sendall(f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + body)

    return behave


def raw(data: bytes) -> Callable[[socket.socket, Request], None]:
    """Send bytes, whatever they are, and close."""
    return lambda connection, _: connection.sendall(data)


def in_turn(*behaviours: Callable[[socket.socket, Request], None]) -> Callable[[socket.socket, Request], None]:
    """Behave like each in turn, and then for ever like the last."""
    left = list(behaviours)

    def behave(connection: socket.socket, request: Request) -> None:
        now = left.pop(0) if len(left) > 1 else left[0]
        now(connection, request)

    return behave


def hang(over: threading.Event) -> Callable[[socket.socket, Request], None]:
    """Say nothing."""

    def behave(connection: socket.socket, _: Request) -> None:
        over.wait(60)
        del connection

    return behave


def drip(over: threading.Event, data: bytes, seconds: float = 0.05) -> Callable[[socket.socket, Request], None]:
    """Send a byte at a time, again and again from the start of `data`."""

    def behave(connection: socket.socket, _: Request) -> None:
        while True:
            for byte in data:
                connection.sendall(bytes([byte]))
                if over.wait(seconds):
                    return

    return behave
