"""Secrets Manager that is slow to come up or goes away, and knows one secret."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import inf
from threading import Thread
from typing import Self


class SecretsManager:
    """Serves on 127.0.0.1; use it in a `with` block.

    Args:
        secret: what every secret is, as JSON.
        silences: how many questions are met by a closed connection first.
        answers: how many are answered then, before all others are met by one; without end if not given.
    """

    def __init__(self, secret: dict[str, str], silences: int = 0, answers: float = inf) -> None:
        self.asked = 0
        manager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base class' name
                """Answer GetSecretValue, or nothing."""
                manager.asked += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                if not silences < manager.asked <= silences + answers:
                    self.close_connection = True
                    return
                body = json.dumps({"SecretString": json.dumps(secret)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address, for `AWS_ENDPOINT_URL_SECRETS_MANAGER`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
