"""The part of the ECS container agent that workers talk to: the task protection endpoint."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATH = "/api/token/task-protection/v1/state"


class EcsAgent:
    """Answers on 127.0.0.1 as the agent does, and remembers what it was asked.

    Attributes:
        wishes: the bodies of all requests, in order.
        status: what it answers with; others than 200 are failures.
        refusing: whether it answers 200 with a failure, as it does while a deployment forbids protection.
    """

    def __init__(self) -> None:
        self.wishes: list[dict[str, Any]] = []
        self.status = 200
        self.refusing = False
        self._speaks = threading.Event()
        self._speaks.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def uri(self) -> str:
        """What ECS would put into `ECS_AGENT_URI`."""
        return f"http://127.0.0.1:{self._server.server_port}/api/token"

    @property
    def protected(self) -> list[bool]:
        """What was asked for, in order."""
        return [wish["ProtectionEnabled"] for wish in self.wishes]

    def silence(self) -> None:
        """Take requests, and answer none."""
        self._speaks.clear()

    def speak(self) -> None:
        """Answer again, those that wait included."""
        self._speaks.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.speak()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _answer(self, wish: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        arn = "arn:aws:ecs:eu-central-1:123456789012:task/twolane/1"
        if self.status != 200:
            return self.status, {"requestID": "1", "error": {"Arn": arn, "Code": "ServerException", "Message": "no"}}
        if self.refusing:
            return 200, {"requestID": "1", "failure": {"Arn": arn, "Reason": "DEPLOYMENT_BLOCKED", "Detail": "no"}}
        return 200, {
            "requestID": "1",
            "protection": {"ProtectionEnabled": wish["ProtectionEnabled"], "TaskArn": arn, "ExpirationDate": None},
        }

    def _handler(agent) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is the request's
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                """Answer one wish."""
                wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == PATH
                assert self.headers["Content-Type"] == "application/json"
                agent.wishes.append(wish)
                agent._speaks.wait(30)
                status, answer = agent._answer(wish)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    return  # who asked has given up

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
                """Say nothing."""

        return Handler
