"""Uploads past the API: a presigned form takes the bytes straight to storage."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from functions.api import openapi
from functions.api.answers import kept
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.openapi import problems
from functions.api.schemas import UploadOut, UploadRequest
from shared.bootstrap import services
from shared.values import Answer, Caller

router = APIRouter(prefix="/v1/uploads", tags=["documents"])


@router.post(
    "",
    status_code=201,
    response_model=UploadOut,
    responses=problems(401, 409, 413, 415, 422)
    | {
        201: {
            "description": "POST the form to `upload.url`; the document at `Location` then goes on by itself.",
            "headers": openapi.LOCATION | openapi.REPLAY,
        }
    },
)
def announce_upload(caller: CallerDep, body: UploadRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Announce a file, of any size taken here, and get the form that takes its bytes."""
    sent = body.model_dump(mode="json")
    once = Once(caller, idempotency_key, fingerprint("POST", "/v1/uploads", sent))
    answer, replayed = once.answer(lambda new_id: _announce(caller, body, new_id))
    return kept(answer, f"/v1/documents/{answer.body['document_id']}", replayed=replayed)


def _announce(caller: Caller, body: UploadRequest, new_id: UUID | None) -> Answer:
    announced = services().submission.announce(
        caller.account_id,
        body.filename,
        body.media_type,
        body.size_bytes,
        body,
        force=body.force,
        document_id=new_id,
    )
    return Answer(201, UploadOut.of(announced).model_dump(mode="json"))
