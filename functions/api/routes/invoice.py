"""Invoices: the fields of a document that has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from functions.api import openapi
from functions.api.answers import POLL_SECONDS, json_answer
from functions.api.deps import CallerDep
from functions.api.invoice_schemas import InvoiceOut
from functions.api.openapi import problems
from functions.api.polling import poll
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
    found = await poll(
        request, query.wait, lambda: _look(caller, document_id), lambda seen: not isinstance(seen, NotFinal)
    )
    if isinstance(found, NotFinal):
        raise found
    return json_answer(InvoiceOut.of(found))


def _look(caller: Caller, document_id: UUID) -> Extraction | NotFinal:
    """Give the fields, or why there are none yet."""
    try:
        return services().extractions.get(caller.account_id, document_id)
    except NotFinal as error:
        return error


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
