"""API keys, for admins."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.api import openapi
from functions.api.answers import json_answer, kept
from functions.api.deps import AdminDep, IdempotencyKey, Once, fingerprint
from functions.api.key_schemas import KeyCreated, KeyList, KeyOut, KeyQuery, KeyRequest
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.errors import Conflict
from shared.values import Answer, Caller

router = APIRouter(prefix="/v1/keys", tags=["keys"])


@router.post(
    "",
    status_code=201,
    response_model=KeyCreated,
    responses=problems(401, 403, 409, 413, 422)
    | {201: {"description": "The key, shown this once.", "headers": openapi.LOCATION | openapi.REPLAY}},
)
def create_key(caller: AdminDep, body: KeyRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Make a key. Its secret is not kept: a replay by Idempotency-Key answers `"key": null`."""
    once = Once(caller, idempotency_key, fingerprint("POST", "/v1/keys", body.model_dump(mode="json")))
    answer, replayed = once.answer(lambda _: _create(caller, body))
    return kept(answer, f"/v1/keys/{answer.body['id']}", replayed=replayed)


def _create(caller: Caller, body: KeyRequest) -> Answer:
    made = services().keys.create(account=body.account or caller.account_id, name=body.name, role=body.role)
    shown = KeyCreated(**KeyOut.of(made.row, made.account).model_dump(), key=made.secret)
    return Answer(201, shown.model_dump(mode="json"))


@router.get("", response_model=KeyList, responses=problems(401, 403, 422))
def list_keys(caller: AdminDep, query: Annotated[KeyQuery, Query()]) -> Response:
    """List all keys, oldest first, without their secrets."""
    del caller
    rows, cursor = services().keys.list(query.limit, query.cursor)
    return json_answer(KeyList(items=[KeyOut.of(*row) for row in rows], next_cursor=cursor))


@router.get("/{key_id}", response_model=KeyOut, responses=problems(401, 403, 404))
def get_key(caller: AdminDep, key_id: UUID) -> Response:
    """Look at a key, without its secret."""
    del caller
    return json_answer(KeyOut.of(*services().keys.get(key_id)))


@router.delete("/{key_id}", status_code=204, responses=problems(401, 403, 404, 409))
def delete_key(caller: AdminDep, key_id: UUID) -> Response:
    """Remove a key; it stops working at once. The key you ask with can't remove itself: you would lock yourself out."""
    if key_id == caller.key_id:
        message = "This is the key you are using; make another and delete this one with that."
        raise Conflict(message)
    services().keys.delete(key_id)
    return Response(status_code=204)
