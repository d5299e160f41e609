"""A receiver of webhooks, to start from: the standard library, and `verify` of `shared/signatures.py`, to be copied.

    python -m infra.samples.webhook_receiver --port 9000 --secret k1=whsec_...

It checks each delivery before it looks into it, takes each once, answers at once, and only then does anything: what
takes long belongs behind a queue of your own, as a delivery has ten seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from shared.signatures import verify

MAX_BYTES = 1024 * 1024
"""More than any delivery has."""


class Receiver(ThreadingHTTPServer):
    """Takes deliveries.

    Args:
        port: of this machine; any free one if 0.
        secrets: by key id; during a rotation there are two.
    """

    def __init__(self, port: int, secrets: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", port), Deliveries)
        self.secrets = secrets
        # A real one keeps this in its database, under a unique key, in the transaction that does the work.
        self._seen: set[str] = set()
        self._turn = Lock()

    def is_new(self, event_id: str) -> bool:
        """Whether an event has not been taken yet; from now on it has."""
        with self._turn:
            new = event_id not in self._seen
            self._seen.add(event_id)
            return new


class Deliveries(BaseHTTPRequestHandler):
    """One request."""

    server: Receiver

    def do_POST(self) -> None:  # the base class' name
        """Take a delivery."""
        said = self.headers.get("Content-Length", "")
        if not (said.isascii() and said.isdigit()):
            self._answer(400, "no Content-Length")
            return
        length = int(said[:10])
        if length > MAX_BYTES:
            self._answer(413, "too large")
            return
        # To the byte as it came: parsed and written out again it would have another signature.
        body = self.rfile.read(length)
        if not verify(self.server.secrets, dict(self.headers.items()), body):
            self._answer(401, "not signed by Twolane, or too old")
            return
        event = json.loads(body)
        new = self.server.is_new(event["id"])
        self._answer(200, "taken" if new else "taken before")
        if new:
            handle(event)

    def _answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing: `handle` does."""


def handle(event: dict[str, object]) -> None:
    """Do what follows from an event; here, write a line."""
    sys.stdout.write(json.dumps({"id": event["id"], "type": event["type"], "data": event["data"]}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Takes deliveries and writes a line for each event.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret", action="append", required=True, metavar="KEY_ID=SECRET", help="may be repeated")
    given = parser.parse_args()
    secrets = dict(text.partition("=")[::2] for text in given.secret)
    with Receiver(given.port, secrets) as receiver:
        sys.stdout.write(f"listening on http://127.0.0.1:{receiver.server_port}\n")
        sys.stdout.flush()
        try:
            receiver.serve_forever()
        except KeyboardInterrupt:
            sys.stdout.write("bye\n")


if __name__ == "__main__":
    main()
