"""SQS -> here -> SES, or a mail server."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._jobs import each_job
from functions._runtime import require
from shared.bootstrap import services
from shared.config import SendEmailSettings
from shared.contracts import SendBulkEmail, SendEmail
from shared.services.runs import Run


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Send each mail of a batch."""
    require(SendEmailSettings)
    return each_job(event, context, "email", {SendEmail: send, SendBulkEmail: send})


def send(message: SendEmail | SendBulkEmail, run: Run) -> None:
    """Send one mail."""
    services().sending_mail.deliver(message, run)
