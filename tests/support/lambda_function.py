"""The API as Lambda runs it: a process that is initialised, snapshotted, restored, and asked, step by step.

As a program it is that process: commands on standard input, an answer a line on standard output, both JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Self

import psutil
from snapshot_restore_py import get_after_restore, get_before_snapshot

_NO_CONTEXT: Any = None
"""The API asks nothing of it."""


class LambdaFunction:
    """One execution environment of the API.

    Args:
        environment: its settings.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        """Initialise it."""
        command = [sys.executable, "-m", "tests.support.lambda_function"]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answer(60)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()

    def before_snapshot(self) -> None:
        """Run what was registered for the time before a snapshot is taken."""
        self._ask({"do": "before_snapshot"})

    def after_restore(self) -> None:
        """Run what was registered for the time after it was restored."""
        self._ask({"do": "after_restore"})

    def connections(self) -> int:
        """Count the TCP connections it holds open."""
        found = psutil.Process(self._process.pid).net_connections("tcp")
        return sum(connection.status == psutil.CONN_ESTABLISHED for connection in found)

    def imported(self) -> set[str]:
        """The modules it has imported."""
        return set(self._ask({"do": "modules"}))

    def get(self, path: str, key: str, seconds: float = 10) -> dict[str, Any]:
        """Ask it; see `request`."""
        return self.request("GET", path, {"x-api-key": key}, b"", seconds)

    def submit(self, body: bytes, key: str, seconds: float = 10) -> dict[str, Any]:
        """Send it a document."""
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + body + b"\r\n--b--\r\n"
        headers = {"x-api-key": key, "content-type": "multipart/form-data; boundary=b"}
        return self.request("POST", "/v1/documents", headers, form, seconds)

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> dict[str, Any]:
        """Send an event of the HTTP API and return the answer.

        Raises:
            TimeoutError: there was none within so many seconds; the process is of no more use then.
        """
        answer: dict[str, Any] = self._ask({"do": "invoke", "event": event(method, path, headers, body)}, seconds)
        return answer

    def _ask(self, command: Mapping[str, Any], seconds: float = 30) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer(seconds)

    def _answer(self, seconds: float) -> Any:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            message = f"the function gave no answer within {seconds:g} s"
            raise TimeoutError(message)
        line = self._process.stdout.readline()
        assert line, "the function ended"
        return json.loads(line)


def event(method: str, path: str, headers: Mapping[str, str], body: bytes = b"", query: str = "") -> dict[str, Any]:
    """An HTTP API event, payload 2.0, its body in base64 as the gateway sends forms."""
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"}
    context = {"http": http, "stage": "$default", "domainName": "api.example", "requestId": "1"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example", **headers},
        "requestContext": context,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _live() -> None:
    """Initialise and do as told until standard input ends. What the API logs goes where nobody reads it."""
    answers, sys.stdout = sys.stdout, sys.stderr
    asyncio.set_event_loop(asyncio.new_event_loop())
    from functions.api.handler import handler  # noqa: PLC0415  # the initialisation, as Lambda does it

    todo: dict[str, Callable[[Any], Any]] = {
        "before_snapshot": lambda _: [hook(*args, **named) for hook, args, named in reversed(get_before_snapshot())],
        "after_restore": lambda _: [hook(*args, **named) for hook, args, named in get_after_restore()],
        "modules": lambda _: sorted(sys.modules),
        "invoke": lambda command: handler(command["event"], _NO_CONTEXT),
    }
    answers.write("null\n")
    answers.flush()
    for line in sys.stdin:
        command = json.loads(line)
        answers.write(json.dumps(todo[command["do"]](command)) + "\n")
        answers.flush()


if __name__ == "__main__":
    _live()
