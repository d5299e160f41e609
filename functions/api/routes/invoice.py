"""Invoices: the fields of a document that has been read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from functions.api import openapi
from functions.api.answers import POLL_SECONDS, json_answer
from functions.api.deps import CallerDep
from functions.api.invoice_schemas import InvoiceOut
from functions.api.openapi import problems
from functions.api.polling import FIRST_PAUSE, LONGEST_PAUSE
from functions.api.schemas import WaitQuery
from shared.bootstrap import services
from shared.errors import NotFinal
from shared.values import Caller, ExtractionStatus

if TYPE_CHECKING:
    from shared.models import Extraction

router = APIRouter(prefix="/v1/documents", tags=["documents"])


@router.get("/{document_id}/invoice", response_model=InvoiceOut, responses=problems(401, 404, 409, 422))
async def get_invoice(
    request: Request, caller: CallerDep, document_id: UUID, query: Annotated[WaitQuery, Query()]
) -> Response:
    """Fetch the fields of an invoice or receipt; with `wait`, once they were looked for.

    They are where `extract=invoice` came with the document, or a POST here after it was read. What `status` says is
    `completed`, or `failed` with the `error`.
    """
    return json_answer(InvoiceOut.of(await _when_looked_for(request, caller, document_id, query.wait)))


async def _when_looked_for(request: Request, caller: Caller, document_id: UUID, seconds: float) -> Extraction:
    """Ask the database until there is an answer, ever less often.

    Raises:
        NotFinal: there is none when the time is over.
    """
    start, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return await run_in_threadpool(services().extractions.get, caller.account_id, document_id)
        except NotFinal:
            left = start + seconds - time.monotonic()
            if left <= 0 or await request.is_disconnected():
                raise
        await anyio.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)


@router.post(
    "/{document_id}/invoice",
    status_code=202,
    response_model=InvoiceOut,
    responses=problems(401, 404, 409)
    | {
        200: {"model": InvoiceOut, "description": "They have been found already.", "headers": openapi.LOCATION},
        202: {
            "description": "They are being looked for; follow `Location`.",
            "headers": openapi.LOCATION | openapi.RETRY_AFTER,
        },
    },
)
def start_invoice(caller: CallerDep, document_id: UUID) -> Response:
    """Look for the fields of an invoice or receipt in a document that has been read; again if that failed before."""
    row = services().extractions.start(caller.account_id, document_id)
    headers = {"Location": f"/v1/documents/{document_id}/invoice"}
    if row.status != ExtractionStatus.QUEUED:
        return json_answer(InvoiceOut.of(row), 200, headers)
    return json_answer(InvoiceOut.of(row), 202, headers | {"Retry-After": POLL_SECONDS})
