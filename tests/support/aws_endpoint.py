"""An endpoint of AWS that answers as a test wants: errors, garbage, or nothing at all."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; as JSON if its body is no text."""

    status: int = 200
    body: Json | str = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


SILENCE = None
"""In place of an answer: the connection stands, and nothing comes."""

HANG_UP = "hang up"
"""In place of an answer: the connection is closed."""

Answer = Callable[[str, Json], "Reply | str | None"]
"""Takes the operation and what it was asked with."""


def error(code: str, status: int = 400, **headers: str) -> Reply:
    """An error as services with a JSON protocol answer it."""
    return Reply(status, {"__type": f"com.amazonaws#{code}", "message": "as the test wants it"}, headers)


class AwsEndpoint:
    """Serves on 127.0.0.1; use it in a `with` block, and its `url` as `AWS_ENDPOINT_URL`.

    Attributes:
        answer: what each question gets.
        asked: operation and input of every question, in order.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Json]] = []
        self._ended = Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base class' name
                endpoint._serve(self)  # the handler is part of it

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and every silence with it."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        operation = handler.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        asked = json.loads(body)
        self.asked.append((operation, asked))
        reply = self.answer(operation, asked)
        if reply is SILENCE:
            self._ended.wait(30)
        if not isinstance(reply, Reply):
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        _write(handler, reply)


def _write(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    handler.send_response(reply.status)
    for name, value in {"Content-Type": "application/x-amz-json-1.0", **reply.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(text.encode())))
    handler.end_headers()
    handler.wfile.write(text.encode())
