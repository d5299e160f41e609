"""What a server with an OpenAI-compatible API answers, for `tests.support.receiver.Receiver` to send."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from tests.support.receiver import Request, answer

Behaviour = Callable[[socket.socket, Request], None]


def completion(
    text: str | None = "text",
    *,
    finish_reason: str = "stop",
    usage: Any = None,
    tokens: list[tuple[str, float]] | None = None,
    **message: Any,
) -> dict[str, Any]:
    """A chat completion, as servers send it.

    Args:
        text: what the model wrote.
        finish_reason: why it stopped.
        usage: tokens in and out, `(1000, 50)`, or whatever a server may send instead.
        tokens: each with its logarithmic probability.
        message: more fields of the message.
    """
    counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1]} if isinstance(usage, tuple) else usage
    listed = {"content": [{"token": token, "logprob": logprob} for token, logprob in tokens]} if tokens else None
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish_reason,
                "logprobs": listed,
            }
        ],
        "usage": counted,
    }


def writes(text: str | None = "text", **fields: Any) -> Behaviour:
    """Answer with a completion; see `completion`."""
    return says(completion(text, **fields))


def says(body: Any, status: int = 200, **headers: str) -> Behaviour:
    """Answer with JSON."""
    return answer(status, json.dumps(body).encode(), Content_Type="application/json", **headers)


def fails(status: int, message: str = "as the test wants it", **headers: str) -> Behaviour:
    """Answer with an error, as such servers put it."""
    return says({"error": {"message": message, "type": "error", "code": None}}, status, **headers)


def asked(request: Request) -> dict[str, Any]:
    """The body of a request."""
    body: dict[str, Any] = json.loads(request.body)
    return body
