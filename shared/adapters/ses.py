"""Mail: SES, by its v2 API."""

from __future__ import annotations

from email.utils import parseaddr
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.adapters import aws
from shared.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sesv2.type_defs import SendEmailRequestTypeDef

SECONDS = 15
"""To connect, and between two packets of the answer: with the rest of a mail's work within the function's 60 s."""

_THE_MESSAGES_OWN = {"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"}
"""Codes that speak of this very message or its sender. Others, such as a suspended account or a role that may not
send, are over once somebody has acted, and say nothing about the mail.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors"""


class Ses:
    """Hands mails to SES.

    Args:
        configuration_set: through which bounces and complaints come back.
    """

    name = "ses"

    def __init__(self, configuration_set: str | None = None) -> None:
        self._configuration_set = configuration_set
        self._turn = Lock()
        self._made: SESV2Client | None = None
        self._connections = aws.Connections()

    def send(self, sender: str, to: str, raw: bytes) -> str:
        """Hand over a mail, encoded as it shall travel; return SES' id of it.

        Args:
            sender: `Name <address>` or an address; its name SES reads in the mail.
            to: one address.
            raw: headers and body.

        Raises:
            OutcomeUnknown: the answer was lost; it may be on its way.
            ProviderUnavailable: it was not taken; Throttled: not now.
            ProviderRefused: it never will be.
        """
        request: SendEmailRequestTypeDef = {
            # Which the role's condition on `ses:FromAddress` is about; it would have to be read in the mail otherwise.
            "FromEmailAddress": parseaddr(sender)[1],
            "Destination": {"ToAddresses": [to]},
            "Content": {"Raw": {"Data": raw}},
        }
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        try:
            with (
                aws.our_errors("SES", ProviderUnavailable, ProviderRefused, OutcomeUnknown),
                self._connections.young(self._client),
            ):
                answer = self._client.send_email(**request)
        except ProviderRefused as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"].get("Code") not in _THE_MESSAGES_OWN:
                raise ProviderUnavailable(f"SES sends nothing for us now: {cause}") from cause
            raise
        if "MessageId" not in answer:
            # botocore takes half an answer for an empty one.
            raise OutcomeUnknown("SES answered without the id of the mail; it may have taken it.")
        return answer["MessageId"]

    @property
    def _client(self) -> SESV2Client:
        # boto3 makes clients in one thread at a time.
        with self._turn:
            if self._made is None:
                self._made = aws.client("sesv2", seconds=SECONDS)
            return self._made
