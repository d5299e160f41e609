"""Results: the outputs of a document that is final."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, StreamingResponse

from functions.api import openapi
from functions.api.deps import CallerDep
from functions.api.openapi import problems
from functions.api.polling import poll
from functions.api.schemas import ResultQuery
from shared.bootstrap import services
from shared.config import MIB
from shared.errors import OutputInProgress
from shared.values import Caller, ResultFormat

if TYPE_CHECKING:
    from shared.services.outputs import Result

router = APIRouter(prefix="/v1/documents", tags=["documents"])

ANSWER_BYTES = 4 * MIB
"""Largest result given as a body; a Lambda answer holds 6 MB, quotation marks escaped."""

WAIT_SECONDS = 20.0
"""How long an output that is being made is waited for; the gateway's limit is 30."""

_SIGNED = {
    "X-Unaltered": {
        "description": "`signed`: this is the original, byte for byte, for a change would break its signature.",
        "schema": {"type": "string"},
    }
}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_BODY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result.",
        "headers": _SIGNED,
        "content": {
            "text/plain": _TEXT,
            "application/json": {"schema": {"type": "object"}},
            "text/markdown": _TEXT,
            "application/xhtml+xml": _TEXT,
            "application/xml": _TEXT,
            "text/tab-separated-values": _TEXT,
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    307: {
        "description": "The result is large: it lies at `Location` for five minutes.",
        "headers": openapi.LOCATION | _SIGNED,
    },
}


@router.get("/{document_id}/result", response_class=Response, responses=problems(401, 404, 409, 422) | _BODY)
async def get_result(
    request: Request, caller: CallerDep, document_id: UUID, query: Annotated[ResultQuery, Query()]
) -> Response:
    """Fetch a result; one that nobody asked for yet is made first."""
    result = await _made(request, caller, document_id, query.format)
    return await run_in_threadpool(_answer, result)


async def _made(request: Request, caller: Caller, document_id: UUID, result_format: ResultFormat) -> Result:
    """Find a result, or wait for it.

    Raises:
        OutputInProgress: it is not there yet.
    """
    outputs = services().outputs
    found = await run_in_threadpool(outputs.ask, caller.account_id, document_id, result_format)
    if not isinstance(found, UUID):
        return found
    job_id = found
    result = await poll(
        request,
        WAIT_SECONDS,
        lambda: outputs.look(caller.account_id, document_id, result_format, job_id),
        lambda seen: seen is not None,
    )
    if result is None:
        message = f"The {result_format} of this document is being made; ask for it again in a moment."
        raise OutputInProgress(message)
    return result


def _answer(result: Result) -> Response:
    headers = {"X-Unaltered": "signed"} if result.signed else {}
    if result.size_bytes > ANSWER_BYTES:
        return RedirectResponse(services().store.download_url(result.key), status_code=307, headers=headers)
    return _streamed(result, headers)


def _streamed(result: Result, headers: dict[str, str]) -> Response:
    """Stream from the object store; the first piece is fetched first, while an error can still be answered."""
    chunks = services().store.chunks(result.key)
    first = next(chunks, b"")
    headers = {"Content-Length": str(result.size_bytes), **headers}
    return StreamingResponse(chain([first], chunks), media_type=result.media_type, headers=headers)
