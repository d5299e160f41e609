"""Sockets whose time is limited as a whole: from the first packet to the last byte, not from one packet to the next.

A timeout of a socket begins anew with every byte, so that a server which sends one a second holds a caller for hours.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Sequence
from typing import Any

from shared.adapters.outbound_guard import Address


class Deadline:
    """When a call must be over, whatever it consists of.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            TimeoutError: none.
        """
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class TimedSocket:
    """As much of a socket as http.client uses; every packet has only the time that the whole call has left.

    Args:
        sock: connected.
        deadline: of the call.
        max_bytes: how much is read of it; then it seems to have ended.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._reader: io.BufferedReader = io.BufferedReader(_TimedReader(sock, deadline, max_bytes))

    def sendall(self, data: Any) -> None:
        """Send, in the time that is left altogether."""
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The file to read the answer from: one, so that what it has read ahead is there for who asks again."""
        return self._reader

    def close(self) -> None:
        """Leave the socket open for the rest of the body: whoever connected closes it."""


class _TimedReader(io.RawIOBase):
    """Reads of a socket, each in the time that is left for the call, and no more bytes than an answer may have."""

    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._left = max_bytes

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; none after the last that is taken."""
        self._sock.settimeout(self._deadline.left())
        count = self._sock.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def connect(addresses: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers; each has an equal part of the time that is left.

    Raises:
        OSError: none does; that of the last.
    """
    failure: OSError = TimeoutError()
    for number, address in enumerate(addresses):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004  # IP's own number
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            # A machine without IPv6.
            failure = error
            continue
        try:
            sock.settimeout(deadline.left() / (len(addresses) - number))
            sock.connect((str(address), port))
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure
