"""SQS -> here."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._jobs import each_job
from functions._runtime import require
from shared.bootstrap import services
from shared.config import SendSmsSettings
from shared.contracts import SendSms


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Send every text message of a batch."""
    require(SendSmsSettings)
    return each_job(event, context, "sms", {SendSms: services().sms.deliver})
