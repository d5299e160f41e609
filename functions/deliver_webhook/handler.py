"""SQS -> here."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._jobs import each_job
from functions._runtime import require
from shared.bootstrap import services
from shared.config import DeliverWebhookSettings
from shared.contracts import DeliverWebhook


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Try every delivery of a batch."""
    require(DeliverWebhookSettings)
    return each_job(event, context, "webhook", {DeliverWebhook: services().deliveries.deliver})
