"""Text messages: SNS."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING

from shared.adapters import aws
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef

log = logging.getLogger(__name__)

SECONDS = 5
"""SNS answers within a tenth of one; a longer wait would tell no more, and the message is not repeated after it."""


class Sns:
    """Sends text messages to phones.

    Args:
        sender_id: what recipients see, where their country allows it.
    """

    def __init__(self, sender_id: str | None = None) -> None:
        self._sender_id = sender_id
        self._turn = Lock()
        self._made: SNSClient | None = None

    def opted_out(self, phone: str) -> bool:
        """Whether the owner of a number, in E.164, has answered STOP. Where SNS keeps no list of them, nobody has.

        Raises:
            ProviderUnavailable: it can't be known now; Throttled: not now.
            ProviderRefused: SNS does not take such a number, or such a question from us.
        """
        try:
            with aws.our_errors("SNS", ProviderUnavailable, ProviderRefused):
                return self._client.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"]
        except ProviderRefused as error:
            # So says an emulator that takes text messages and nothing about them.
            if getattr(error.__cause__, "response", {}).get("Error", {}).get("Code") != "InvalidAction":
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
        with aws.our_errors("SNS", ProviderUnavailable, ProviderRefused, OutcomeUnknown):
            sent = self._client.publish(PhoneNumber=phone, Message=text, MessageAttributes=self._attributes())
        return sent["MessageId"]

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
