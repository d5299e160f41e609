"""A wire between a client and a server that can be cut the way a restored snapshot finds its own: nobody says so."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

CHUNK = 65536


class Wire:
    """Passes TCP connections on to a port of this machine.

    Args:
        to: the port.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._dead: set[socket.socket] = set()
        self._alive: set[socket.socket] = set()

    def __enter__(self) -> Self:
        """Take connections."""
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more, and end those there are."""
        self._listener.close()
        for end in self._alive | self._dead:
            end.close()

    def cut(self) -> int:
        """Let every connection fall silent: no byte passes any more, neither end hears of it; return how many ends."""
        self._dead |= self._alive
        self._alive = set()
        return len(self._dead)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                self._alive |= {client, server}
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                if source not in self._dead:
                    to.sendall(chunk)
            if source not in self._dead:
                to.shutdown(socket.SHUT_WR)
