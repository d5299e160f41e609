"""What every handler needs: one logger, and batches from SQS in which only the failed messages come back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.config import Settings, load

logger = Logger()
"""Named by `POWERTOOLS_SERVICE_NAME`, as loud as `LOG_LEVEL`, one JSON object a line."""


@cache
def require(kind: type[Settings]) -> None:
    """Check a function's settings with its first event.

    Raises:
        ConfigurationError: naming each variable that is missing or malformed.
    """
    load(kind, "The function")


def each_message(
    event: dict[str, Any], context: LambdaContext, handle: Callable[[SQSRecord], object]
) -> PartialItemFailureResponse:
    """Call `handle` with each message of an SQS batch; what it raises is logged.

    Returns:
        The ids of the messages for which it raised: SQS gives those again and, after the queue's `maxReceiveCount`,
        to its dead-letter queue.
    """

    def attempt(record: SQSRecord) -> None:
        try:
            handle(record)
        except Exception:
            logger.exception("a message failed and will come again", extra={"message_id": record.message_id})
            raise

    # If every message fails, the answer says so too; raising instead would lose which and why.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=attempt, processor=processor, context=context)
