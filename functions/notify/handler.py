"""SQS -> here: jobs of ours, and events that the bus put into the same queue."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from functions._jobs import Envelope, perform
from functions._runtime import each_message, require
from shared.bootstrap import services
from shared.config import NotifySettings
from shared.contracts import Notify


class BusEvent(BaseModel):
    """What EventBridge puts into a queue."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    type: str = Field(alias="detail-type")
    detail: dict[str, Any]


_BODY: TypeAdapter[BusEvent | Envelope] = TypeAdapter(BusEvent | Envelope)


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Pass every notification and every event of a batch on."""
    require(NotifySettings)
    return each_message(event, context, _pass_on)


def _pass_on(record: SQSRecord) -> None:
    """Pass one on. What is neither fails here every time, and ends in the dead-letter queue."""
    said = _BODY.validate_json(record.body)
    if isinstance(said, BusEvent):
        services().fan_out.of_event(said.detail)
    else:
        perform(said, "notification", {Notify: services().notifications.deliver})
