"""Subscribes, and lets something happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest

from shared.bootstrap import Services, services
from shared.services.keys import NewKey

URL = "/v1/webhooks"
RECEIVER = "https://example.com/hook"
BODY = {"url": RECEIVER, "events": ["document.completed"]}


@contextmanager
def signing_key(environment: pytest.MonkeyPatch, stack: Services) -> Iterator[None]:
    """The stack has a key to derive secrets from."""
    secret = {"Name": f"signing {uuid4()}", "SecretString": '{"password": "the key of this stack"}'}
    environment.setenv("SIGNING_SECRET_ARN", boto3.client("secretsmanager").create_secret(**secret)["ARN"])
    yield
    environment.delenv("SIGNING_SECRET_ARN")
    # Other tests may have made the API's services anew.
    for made in (stack, services()):
        vars(made).pop("signing_key", None)


def subscribe(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post(URL, json=BODY | body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def event(user: NewKey, kind: str = "document.completed") -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "type": kind,
        "version": 1,
        "occurred_at": "2026-11-24T12:00:00Z",
        "account_id": str(user.account.id),
        "data": {"document_id": str(uuid4())},
    }


def told(stack: Services, user: NewKey) -> dict[str, Any]:
    """An event, and with it a delivery for each webhook of the user."""
    detail = event(user)
    stack.fan_out.of_event(detail)
    return detail
