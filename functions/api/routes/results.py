"""Results: the outputs of a document that is final."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from functions.api import openapi
from functions.api.deps import CallerDep
from functions.api.openapi import problems
from functions.api.schemas import ResultQuery
from shared.bootstrap import services
from shared.config import MIB

if TYPE_CHECKING:
    from shared.services.documents import Result

router = APIRouter(prefix="/v1/documents", tags=["documents"])

ANSWER_BYTES = 4 * MIB
"""Largest result given as a body; a Lambda answer holds 6 MB, quotation marks escaped."""

_BODY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result.",
        "content": {"text/plain": {"schema": {"type": "string"}}, "application/json": {"schema": {"type": "object"}}},
    },
    307: {"description": "The result is large: it lies at `Location` for five minutes.", "headers": openapi.LOCATION},
}


@router.get("/{document_id}/result", response_class=Response, responses=problems(401, 404, 409, 422) | _BODY)
def get_result(caller: CallerDep, document_id: UUID, query: Annotated[ResultQuery, Query()]) -> Response:
    """Fetch a result."""
    result = services().documents.result(caller.account_id, document_id, query.format)
    if result.size_bytes > ANSWER_BYTES:
        return RedirectResponse(services().store.download_url(result.key), status_code=307)
    return _streamed(result)


def _streamed(result: Result) -> Response:
    """Stream from the object store; the first piece is fetched first, while an error can still be answered."""
    chunks = services().store.chunks(result.key)
    first = next(chunks, b"")
    headers = {"Content-Length": str(result.size_bytes)}
    return StreamingResponse(chain([first], chunks), media_type=result.media_type, headers=headers)
