"""Addresses that are written to no more, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from functions.api.answers import json_answer
from functions.api.deps import AdminDep
from functions.api.mail_schemas import SuppressionList, SuppressionOut, SuppressionQuery
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.values import SuppressedChannel

router = APIRouter(prefix="/v1/suppressions", tags=["messages"])


@router.get("", response_model=SuppressionList, responses=problems(401, 403, 422))
def list_suppressions(caller: AdminDep, query: Annotated[SuppressionQuery, Query()]) -> Response:
    """List addresses that bounced, complained, unsubscribed or opted out."""
    del caller
    rows, cursor = services().suppressions.list(query.channel, query.limit, query.cursor)
    return json_answer(SuppressionList(items=[SuppressionOut.of(row) for row in rows], next_cursor=cursor))


@router.delete("/{channel}/{address:path}", status_code=204, responses=problems(401, 403, 404))
def delete_suppression(
    caller: AdminDep, channel: SuppressedChannel, address: Annotated[str, Path(max_length=400)]
) -> Response:
    """Write to an address again. SES keeps a list of its own, which this does not touch."""
    del caller
    services().suppressions.remove(channel, address)
    return Response(status_code=204)
