"""SES -> SNS -> SQS -> here."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._runtime import each_message, require
from shared.bootstrap import services
from shared.config import RecordFeedbackSettings
from shared.services import feedback


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Record what each message of a batch tells; what is no such message ends among the dead letters."""
    require(RecordFeedbackSettings)
    return each_message(event, context, record)


def record(message: SQSRecord) -> None:
    """Record one event."""
    if (told := feedback.parse(message.body)) is not None:
        services().feedback.record(told)
