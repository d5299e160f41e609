"""SQS -> dead-letter queue -> here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._runtime import each_message, require
from shared.bootstrap import services
from shared.config import RecordDeadLetterSettings
from shared.services.dead_messages import DeadMessage


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Enter every message of a batch; entering one twice changes nothing."""
    require(RecordDeadLetterSettings)
    return each_message(event, context, record)


def record(record: SQSRecord) -> None:
    """Enter one message."""
    services().dead_messages.record(
        DeadMessage(
            queue=_queue_of(record.event_source_arn),
            message_id=record.message_id,
            body=record.body,
            received=int(record.attributes.approximate_receive_count or 1),
            sent_at=datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC),
        )
    )


def _queue_of(arn: str) -> str:
    """The queue whose dead letters these are; a dead-letter queue that no setting names goes by its own name."""
    names = {arn: queue for queue, arn in RecordDeadLetterSettings().dead_letter_queues.items()}
    return names.get(arn) or arn.rpartition(":")[2]
