"""A way from containers on Docker's bridge to the servers of tests, which listen on 127.0.0.1 alone."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from contextlib import suppress
from ipaddress import ip_network
from typing import Self
from urllib.parse import urlsplit

from tests.support.containers import docker

HOST = "127.0.0.1"
CHUNK_BYTES = 65536


class Bridge:
    """Takes connections on the bridge's own address, which only this machine and its containers reach.

    Each is carried to the port of the same number on 127.0.0.1.
    """

    def __init__(self) -> None:
        self.address = _address()
        self._carriers: dict[int, _Carrier] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more connections, and end those there are."""
        for carrier in self._carriers.values():
            carrier.stop()

    def url(self, url: str) -> str:
        """`url` of a server on 127.0.0.1, as a container names it.

        Raises:
            ValueError: it names no port of 127.0.0.1.
        """
        parts = urlsplit(url)
        if parts.hostname != HOST or parts.port is None:
            message = f"{url} names no port of {HOST}"
            raise ValueError(message)
        if parts.port not in self._carriers:
            self._carriers[parts.port] = _Carrier(self.address, parts.port)
        return url.replace(f"{HOST}:{parts.port}", f"{self.address}:{parts.port}", 1)


def _address() -> str:
    """This machine, as containers on the default bridge see it."""
    network = json.loads(docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}").stdout)[0]
    # Engines name the gateway only if it was configured; otherwise it is the first address.
    return str(network.get("Gateway") or next(ip_network(network["Subnet"]).hosts()))


class _Carrier(socketserver.ThreadingTCPServer):
    """Carries every connection to one port."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: str, port: int) -> None:
        super().__init__((address, port), _Carriage)
        self.port = port
        self.open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it and its connections."""
        self.shutdown()
        self._thread.join()
        for connection in list(self.open):
            _end(connection)
        self.server_close()


class _Carriage(socketserver.BaseRequestHandler):
    """One connection, both ways, until both sides have said all they had to say."""

    server: _Carrier
    request: socket.socket

    def handle(self) -> None:
        """Carry."""
        with socket.socket() as there:
            # A server that is not there is, to the container, one that ends the connection.
            if there.connect_ex((HOST, self.server.port)):
                return
            ends = {self.request, there}
            self.server.open |= ends
            back = threading.Thread(target=_carry, args=(there, self.request), daemon=True)
            back.start()
            _carry(self.request, there)
            back.join()
            self.server.open -= ends


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Hand on what `source` says, and that it has nothing more to say."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
