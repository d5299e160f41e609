"""S3 -> EventBridge -> SQS -> here."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._runtime import each_message, require
from shared.bootstrap import services
from shared.config import IngestSettings


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Accept every upload of a batch; accepting one twice changes nothing."""
    require(IngestSettings)
    return each_message(event, context, accept)


def accept(record: SQSRecord) -> None:
    """Accept the upload that one `Object Created` event tells of."""
    uploaded = json.loads(record.body)["detail"]["object"]
    services().submission.accept_upload(key=uploaded["key"], size=uploaded["size"])
