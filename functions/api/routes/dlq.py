"""Dead letters of both lanes, for admins."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.api import openapi
from functions.api.answers import POLL_SECONDS, json_answer
from functions.api.deps import AdminDep
from functions.api.dlq_schemas import (
    DeadLetterDetail,
    DeadLetterList,
    DeadLetterOut,
    DeadLetterQuery,
    RequeuedOut,
    RequeueRequest,
    ResolveRequest,
)
from functions.api.openapi import problems
from shared.bootstrap import services

router = APIRouter(prefix="/v1/dlq", tags=["dead letters"])


@router.get("", response_model=DeadLetterList, responses=problems(401, 403, 422))
def list_dead_letters(caller: AdminDep, query: Annotated[DeadLetterQuery, Query()]) -> Response:
    """List what was given up, the newest failure first."""
    del caller
    rows, cursor = services().dead_letters.list(query.which, query.limit, query.cursor)
    return json_answer(DeadLetterList(items=[DeadLetterOut.of(row) for row in rows], next_cursor=cursor))


@router.post("/requeue", response_model=RequeuedOut, responses=problems(401, 403, 413, 422, 429))
def requeue_dead_letters(caller: AdminDep, body: RequeueRequest) -> Response:
    """Put back open dead letters that fit, 500 at most; ask again while some are `remaining` and any was `requeued`."""
    del caller
    return json_answer(RequeuedOut.of(services().dead_letters.requeue_all(body.which)))


@router.get("/{task_id}", response_model=DeadLetterDetail, responses=problems(401, 403, 404))
def get_dead_letter(caller: AdminDep, task_id: UUID) -> Response:
    """Look at one, with what its message said and the traceback."""
    del caller
    return json_answer(DeadLetterDetail.of(services().dead_letters.get(task_id)))


@router.post(
    "/{task_id}/requeue",
    status_code=202,
    response_model=DeadLetterOut,
    responses=problems(401, 403, 404, 409, 429)
    | {202: {"description": "It is back on its lane.", "headers": openapi.LOCATION | openapi.RETRY_AFTER}},
)
def requeue_dead_letter(caller: AdminDep, task_id: UUID) -> Response:
    """Put one back to the lane it came from. Asked twice it goes back once, unless it has failed again meanwhile."""
    del caller
    shown = DeadLetterOut.of(services().dead_letters.requeue(task_id))
    return json_answer(shown, 202, {"Location": f"/v1/dlq/{task_id}", "Retry-After": POLL_SECONDS})


@router.post("/{task_id}/resolve", response_model=DeadLetterOut, responses=problems(401, 403, 404, 409, 413, 422))
def resolve_dead_letter(caller: AdminDep, task_id: UUID, body: ResolveRequest) -> Response:
    """Settle one that need not be done."""
    del caller
    return json_answer(DeadLetterOut.of(services().dead_letters.resolve(task_id, body.note)))
