"""A server whose kept connections are dead when they are used again, and one whose TLS breaks with the answer."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a connection whose end is a reset."""


@contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give each connection to `serve`, in a thread of its own; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[Thread] = []

    def each(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # A test that fails does not wait for who never hangs up.
            thread = Thread(target=each, args=(connection,), daemon=True)
            thread.start()
            threads.append(thread)

    accepting = Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()


class Forgetful:
    """Answers the first request of a connection and resets it with the second, as a NAT does that has forgotten it.

    Attributes:
        answered: how many requests were answered.
        reset: how many were not.
    """

    def __init__(self, body: str, content_type: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._answer = (head + body).encode()
        self.answered = 0
        self.reset = 0

    def __call__(self, connection: socket.socket) -> None:
        """Serve a connection."""
        read_request(connection)
        self.answered += 1
        connection.sendall(self._answer)
        if not connection.recv(1):
            return
        self.reset += 1
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


class BreaksTls:
    """Reads a request over TLS, and answers with what is no TLS.

    Attributes:
        read: requests that came whole.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.read = Event()

    def __call__(self, connection: socket.socket) -> None:
        """Serve a connection."""
        # The descriptor is the TLS socket's from here on, so the noise goes over a copy.
        raw = connection.dup()
        with raw, self._context.wrap_socket(connection, server_side=True) as encrypted:
            read_request(encrypted)
            self.read.set()
            raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            encrypted.recv(1)


def read_request(connection: socket.socket) -> bytes:
    """A request with its body."""
    came = b""
    while b"\r\n\r\n" not in came:
        more = connection.recv(65536)
        if not more:
            return came
        came += more
    head, _, body = came.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + body
