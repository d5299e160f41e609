"""Batches: made of documents or of uploads, looked at, listed, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.api import openapi
from functions.api.answers import json_answer, kept
from functions.api.batch_schemas import (
    BatchList,
    BatchOut,
    BatchQuery,
    BatchRequest,
    BatchWithDocuments,
    NewBatchOut,
    with_forms,
)
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.values import Answer, Caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.services.batches import Item

router = APIRouter(prefix="/v1/batches", tags=["batches"])


@router.post(
    "",
    status_code=202,
    response_model=NewBatchOut,
    responses=problems(401, 404, 409, 413, 415, 422)
    | {
        202: {
            "description": "Made; POST each file to its form, then follow `Location`.",
            "headers": openapi.LOCATION | openapi.RETRY_AFTER | openapi.REPLAY,
        }
    },
)
def create_batch(caller: CallerDep, body: BatchRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Group documents that are here, or announce files; you hear of them together, by `batch.completed`."""
    # What is named counts, even where it says what would be so anyway.
    sent = body.model_dump(mode="json", exclude_unset=True)
    once = Once(caller, idempotency_key, fingerprint("POST", "/v1/batches", sent))
    answer, replayed = once.answer(lambda new_id: _create(caller, body, new_id))
    if body.uploads is not None:
        # Forms end after a while, and are not kept: who repeats the request gets new ones for the same documents.
        ids = [UUID(item["document_id"]) for item in answer.body["documents"]]
        answer = Answer(answer.status, with_forms(answer.body, services().batches.forms(caller.account_id, ids)))
    return kept(answer, answer.body["links"]["self"], replayed=replayed)


def _create(caller: Caller, body: BatchRequest, new_id: UUID | None) -> Answer:
    batch_id, items = _make(caller, body, new_id)
    shown = NewBatchOut.made(services().batches.get(caller.account_id, batch_id), items)
    return Answer(202, shown.model_dump(mode="json"))


def _make(caller: Caller, body: BatchRequest, new_id: UUID | None) -> tuple[UUID, Sequence[Item]]:
    batches = services().batches
    if body.uploads is None:
        ids = body.document_ids or []
        return batches.of_documents(caller.account_id, ids, body.named, force=body.force, batch_id=new_id)
    uploads = [(one.filename, one.media_type, one.size_bytes) for one in body.uploads]
    return batches.of_uploads(caller.account_id, uploads, body, force=body.force, batch_id=new_id)


@router.get("", response_model=BatchList, responses=problems(401, 422))
def list_batches(caller: CallerDep, query: Annotated[BatchQuery, Query()]) -> Response:
    """List the account's batches, newest first."""
    found, cursor = services().batches.list(caller.account_id, query.limit, query.cursor)
    return json_answer(BatchList(items=[BatchOut.of(one) for one in found], next_cursor=cursor))


@router.get("/{batch_id}", response_model=BatchWithDocuments, responses=problems(401, 404, 422))
def get_batch(caller: CallerDep, batch_id: UUID, query: Annotated[BatchQuery, Query()]) -> Response:
    """Look at a batch: how many of its documents stand where, and the documents themselves."""
    batches = services().batches
    standing = batches.get(caller.account_id, batch_id)
    rows, cursor = batches.documents(batch_id, query.limit, query.cursor)
    return json_answer(BatchWithDocuments.page(standing, rows, cursor))


@router.post("/{batch_id}/cancel", response_model=BatchOut, responses=problems(401, 404, 409))
def cancel_batch(caller: CallerDep, batch_id: UUID) -> Response:
    """Stop reading every document of a batch that is not final; pages already read stay."""
    return json_answer(BatchOut.of(services().batches.cancel(caller.account_id, batch_id)))
