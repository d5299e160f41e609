"""SES that fails as it may: before a byte leaves, with an answer, or after it has taken the mail."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

REGION = "us-east-1"
DOMAIN = "twolane.example"
MAIL_FROM = f"Twolane <no-reply@{DOMAIN}>"

Fault = Callable[[], Any]


class FakedSes:
    """Watches the calls of every client that is made while it is there, and fails those it is told to.

    Attributes:
        requests: what was asked, in order.
        faults: what the next calls meet before they leave, in order; after that moto answers.
        beforehand: called before a mail leaves.
        afterwards: called when moto has taken a mail and its answer has not been read.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.beforehand: Callable[[], None] = lambda: None
        self.afterwards: Callable[[], None] = lambda: None

    @property
    def sent(self) -> list[EmailMessage]:
        """The mails that SES took, parsed."""
        return [parsed(message.raw_data.encode()) for message in taken()]

    @property
    def recipients(self) -> list[str]:
        """To whom, in order."""
        return [message.destinations[0] for message in taken()]

    def before(self, params: dict[str, Any], **_: Any) -> Any:
        """Meet a call before it leaves."""
        self.beforehand()
        self.requests.append(params)
        return self.faults.pop(0)() if self.faults else None

    def after(self, **_: Any) -> None:
        """Meet a call that was answered."""
        self.afterwards()


def taken() -> list[Any]:
    """The mails that SES took, as moto keeps them."""
    return list(ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages)


def parsed(raw: bytes) -> EmailMessage:
    """A mail as its reader's program sees it."""
    return email.message_from_bytes(raw, policy=email.policy.default)


@contextmanager
def faked_ses() -> Iterator[FakedSes]:
    """Stand in front of moto's SES, which may send as `DOMAIN`."""
    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION
    faked = FakedSes()
    ses_backends[DEFAULT_ACCOUNT_ID][REGION].reset()
    boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity=DOMAIN)
    session.events.register("before-call.sesv2.SendEmail", faked.before)
    session.events.register("after-call.sesv2.SendEmail", faked.after)
    yield faked
    boto3.setup_default_session()


def answers(status: int, code: str, headers: dict[str, str] | None = None) -> Fault:
    """An error that SES answers."""

    def fail() -> Any:
        parsed = {
            "Error": {"Code": code, "Message": f"SES says {code}"},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
        }
        return SimpleNamespace(status_code=status), parsed

    return fail


def raises(error: BaseException) -> Fault:
    """What keeps the call from leaving, or its answer from coming."""

    def fail() -> Any:
        raise error

    return fail
