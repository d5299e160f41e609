"""The same application behind API Gateway."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.services.keys import NewKey
from tests.unit.functions.api.conftest import PNG


def invoke(method: str, path: str, headers: dict[str, str], body: bytes = b"", query: str = "") -> dict[str, Any]:
    """Call the handler with an HTTP API event, payload 2.0, its body in base64 as the gateway sends forms."""
    module = importlib.import_module("functions.api.handler")
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": http, "stage": "$default", "domainName": "api.example", "requestId": "1"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    answer: dict[str, Any] = module.handler(event, None)
    return answer


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """The event loop that Lambda's runtime would keep for the life of its process."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("environment")
def test_a_form_and_a_long_poll_work_through_the_gateway(user: NewKey) -> None:
    key = {"x-api-key": user.secret, "host": "api.example"}
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG + b"\r\n--b--\r\n"
    sent = invoke("POST", "/v1/documents", key | {"content-type": "multipart/form-data; boundary=b"}, form)
    assert sent["statusCode"] == 202, sent
    shown = invoke("GET", sent["headers"]["location"], key, query="wait=0.1")
    assert json.loads(shown["body"])["status"] == "queued"


@pytest.mark.usefixtures("environment")
def test_errors_are_problems_there_too() -> None:
    answer = invoke("GET", "/v1/documents", {"host": "api.example"})
    assert answer["statusCode"] == 401
    assert answer["headers"]["content-type"] == "application/problem+json"
