"""The time limit of a whole call over httpx, whose own timeouts begin anew with every packet."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Timer
from typing import Any, Final, Self

_CONNECTED: Final = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
"""What httpcore says when there is a connection: https://www.encode.io/httpcore/extensions/#trace"""


class Alarm:
    """Ends the connections of a call when its time is over, whatever it waits for; use it in a `with` block.

    Pass `trace` as the extension of that name with the request.

    Args:
        seconds: from entering.

    Attributes:
        rang: whether it was the alarm that ended the call.
    """

    def __init__(self, seconds: float) -> None:
        self.rang = False
        self._turn = Lock()
        self._socket: socket.socket | None = None
        self._timer = Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Begin to wait."""
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait no more."""
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Hear of a connection."""
        if event in _CONNECTED:
            with self._turn:
                self._socket = info["return_value"].get_extra_info("socket")
                self._end_if_due()

    def _ring(self) -> None:
        with self._turn:
            self.rang = True
            self._end_if_due()

    def _end_if_due(self) -> None:
        if self.rang and self._socket is not None:
            with suppress(OSError):  # it ended by itself
                self._socket.shutdown(socket.SHUT_RDWR)
