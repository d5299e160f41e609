"""Text messages: SNS."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.adapters import aws
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable, TwolaneError

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef

log = logging.getLogger(__name__)

SECONDS = 5
"""SNS answers within a tenth of one; a longer wait would tell no more, and the message is not repeated after it."""

_THE_MESSAGES_OWN = {"InvalidParameter", "ParameterValueInvalid", "OptedOut"}
"""Codes that speak of this very number or text. Others, such as that of a role that may not send, are over once
somebody has acted, and say nothing about the message.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors"""

_UNKNOWN_QUESTION = "InvalidAction"
"""So says an emulator that takes text messages and nothing about them."""


class Sns:
    """Sends text messages to phones.

    Args:
        sender_id: what recipients see, where their country allows it.
    """

    def __init__(self, sender_id: str | None = None) -> None:
        self._sender_id = sender_id
        self._turn = Lock()
        self._made: SNSClient | None = None
        self._connections = aws.Connections()

    def opted_out(self, phone: str) -> bool:
        """Whether the owner of a number, in E.164, has answered STOP. Where SNS keeps no list of them, nobody has.

        Raises:
            ProviderUnavailable: it can't be known now; Throttled: not now.
            ProviderRefused: SNS does not take such a number.
        """
        try:
            with self._errors():
                return self._client.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"]
        except ProviderUnavailable as error:
            if _code(error) != _UNKNOWN_QUESTION:
                raise
            log.warning("nobody knows here who has opted out of text messages")
            return False

    def send(self, phone: str, text: str) -> str:
        """Send a text to a number in E.164; return SNS' id of the message.

        Raises:
            OutcomeUnknown: the answer was lost; it may be on its way.
            ProviderUnavailable: it was not taken; Throttled: not now.
            ProviderRefused: it never will be.
        """
        with self._errors(OutcomeUnknown):
            sent = self._client.publish(PhoneNumber=phone, Message=text, MessageAttributes=self._attributes())
        return sent["MessageId"]

    @contextmanager
    def _errors(self, unknown: type[OutcomeUnknown] | None = None) -> Iterator[None]:
        """Ask over a young connection; what is no fault of the message's is a fault of the provider's."""
        try:
            with (
                aws.our_errors("SNS", ProviderUnavailable, ProviderRefused, unknown),
                self._connections.young(self._client),
            ):
                yield
        except ProviderRefused as error:
            if _code(error) in _THE_MESSAGES_OWN:
                raise
            message = f"SNS does nothing for us now: {error.__cause__}"
            raise ProviderUnavailable(message) from error.__cause__

    def _attributes(self) -> dict[str, MessageAttributeValueTypeDef]:
        # Transactional: delivered as reliably as SNS can, which notices and codes need.
        said = {"AWS.SNS.SMS.SMSType": "Transactional"}
        if self._sender_id:
            said["AWS.SNS.SMS.SenderID"] = self._sender_id
        return {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}

    @property
    def _client(self) -> SNSClient:
        with self._turn:
            if self._made is None:
                self._made = aws.client("sns", seconds=SECONDS)
            return self._made


def _code(error: TwolaneError) -> str | None:
    """Which error of SNS' is behind one of ours."""
    cause = error.__cause__
    return cause.response["Error"].get("Code") if isinstance(cause, ClientError) else None
