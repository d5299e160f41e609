"""SNS that fails as it may: before a byte leaves, with an answer, or with none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from shared.adapters.sns import Sns

REGION = "us-east-1"
OPTED_OUT = "+4915112345699"
"""moto takes numbers that end with 99 for those of people who answered STOP."""

Fault = Callable[[], Any]


class FakedSns:
    """Watches the calls of every client that is made while it is there, and fails those it is told to.

    Attributes:
        calls: names of the operations, in order.
        faults: what the next calls of an operation meet, in order; after that it answers as moto does.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.faults: dict[str, list[Fault]] = {}

    @property
    def published(self) -> list[tuple[str, str]]:
        """What reached a phone: number and text."""
        return list(sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values())

    @property
    def ids(self) -> list[str]:
        """SNS' ids of what reached a phone."""
        return list(sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages)

    def __call__(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        """Meet a call before it leaves."""
        self.calls.append(model.name)
        self.requests.append(params["body"])
        waiting = self.faults.get(model.name, [])
        return waiting.pop(0)() if waiting else None


@contextmanager
def faked_sns() -> Iterator[FakedSns]:
    """Stand in front of moto's SNS."""
    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION
    faked = FakedSns()
    session.events.register("before-call.sns", faked)
    sns_backends[DEFAULT_ACCOUNT_ID][REGION].reset()
    yield faked
    boto3.setup_default_session()


def answers(status: int, code: str, headers: dict[str, str] | None = None) -> Fault:
    """An error that SNS answers."""

    def fail() -> Any:
        parsed = {
            "Error": {"Code": code, "Message": f"SNS says {code}"},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
        }
        return SimpleNamespace(status_code=status), parsed

    return fail


def unreachable() -> Any:
    """No connection."""
    raise ConnectTimeoutError(endpoint_url="https://sns.example")


def silent() -> Any:
    """A connection, and no answer."""
    raise ReadTimeoutError(endpoint_url="https://sns.example")


def provider() -> Sns:
    """The adapter, with a sender id."""
    return Sns("Twolane")
