"""Text messages."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from functions.api import openapi
from functions.api.answers import kept
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.notice_schemas import SmsAccepted, SmsRequest
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.values import Answer

router = APIRouter(prefix="/v1/sms", tags=["messages"])

_ACCEPTED = {"description": "It is queued.", "headers": openapi.LOCATION | openapi.RETRY_AFTER | openapi.REPLAY}


@router.post(
    "", status_code=202, response_model=SmsAccepted, responses=problems(401, 409, 413, 422, 429) | {202: _ACCEPTED}
)
def send_sms(caller: CallerDep, body: SmsRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Queue a text message. Nobody who answered STOP gets it, and nothing beyond the month's budget leaves."""
    once = Once(caller, idempotency_key, fingerprint("POST", "/v1/sms", body.model_dump(mode="json")))

    def accept(new_id: UUID | None) -> Answer:
        accepted = services().sms.submit(caller.account_id, body.to, body.body, new_id)
        return Answer(202, SmsAccepted.of(accepted).model_dump(mode="json"))

    answer, replayed = once.answer(accept)
    return kept(answer, f"/v1/messages/{answer.body['message_id']}", replayed=replayed)
