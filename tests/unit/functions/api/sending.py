"""Sends documents, politely and otherwise."""

from __future__ import annotations

from typing import Any

import httpx

from tests.unit.functions.api.conftest import PNG

URL = "/v1/documents"
BOUNDARY = "frontier"


def send(client: httpx.Client, body: bytes = PNG, *, name: str = "scan.png", **options: str) -> httpx.Response:
    return client.post(URL, files={"file": (name, body)}, data=options)


def part(disposition: bytes, body: bytes = PNG) -> bytes:
    return b"--frontier\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + body + b"\r\n"


def send_raw(client: httpx.Client, *parts: bytes, content_type: str | None = None) -> httpx.Response:
    body = b"".join(parts) + b"--frontier--\r\n"
    headers = {"Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    return client.post(URL, content=body, headers=headers)


def assert_refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    return problem
