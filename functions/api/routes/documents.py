"""Documents: in, looked at, listed, stopped, tried again, gone."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from functions.api import openapi
from functions.api.answers import accepted, json_answer, kept
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.forms import Form, read_form
from functions.api.openapi import problems
from functions.api.polling import poll
from functions.api.schemas import DocumentList, DocumentOut, DocumentQuery, WaitQuery
from shared.bootstrap import services
from shared.values import Answer, Caller, Filter

router = APIRouter(prefix="/v1/documents", tags=["documents"])


@router.post(
    "",
    status_code=202,
    response_model=DocumentOut,
    responses=problems(401, 409, 413, 415, 422)
    | {
        200: {
            "model": DocumentOut,
            "description": "The same bytes with the same options are here already: that document.",
            "headers": openapi.LOCATION | openapi.REPLAY,
        },
        202: {
            "description": "Accepted; follow `Location`.",
            "headers": openapi.LOCATION | openapi.RETRY_AFTER | openapi.REPLAY,
        },
    },
    openapi_extra=openapi.multipart_body(),
)
async def submit_document(request: Request, caller: CallerDep, idempotency_key: IdempotencyKey = None) -> Response:
    """Send a document to be read."""
    form = await read_form(request)
    return await run_in_threadpool(_submit, caller, idempotency_key, form)


def _submit(caller: Caller, key: str | None, form: Form) -> Response:
    digest = hashlib.sha256(form.body).hexdigest() if key else ""
    sent = form.options.model_dump(mode="json")
    once = Once(caller, key, fingerprint("POST", "/v1/documents", sent, form.filename, digest))
    answer, replayed = once.answer(lambda new_id: _make(caller, form, new_id))
    return kept(answer, answer.body["links"]["self"], replayed=replayed)


def _make(caller: Caller, form: Form, new_id: UUID | None) -> Answer:
    submitted = services().submission.submit(
        caller.account_id, form.filename, form.body, form.options, force=form.options.force, document_id=new_id
    )
    # Found under the id that this very request gives: an earlier try made it and died before it could answer.
    created = submitted.created or submitted.document.id == new_id
    return Answer(202 if created else 200, DocumentOut.of(submitted.document).model_dump(mode="json"))


@router.get("", response_model=DocumentList, responses=problems(401, 422))
def list_documents(caller: CallerDep, query: Annotated[DocumentQuery, Query()]) -> Response:
    """List the account's documents, newest first."""
    which = Filter(query.q, query.status, query.created_after, query.created_before)
    rows, cursor = services().documents.list(caller.account_id, which, query.limit, query.cursor)
    return json_answer(DocumentList(items=[DocumentOut.of(row) for row in rows], next_cursor=cursor))


@router.get("/{document_id}", response_model=DocumentOut, responses=problems(401, 404, 422))
async def get_document(
    request: Request, caller: CallerDep, document_id: UUID, query: Annotated[WaitQuery, Query()]
) -> Response:
    """Look at a document; with `wait`, once it is final."""
    document = await poll(
        request,
        query.wait,
        lambda: services().documents.get(caller.account_id, document_id),
        lambda seen: seen.status.final,
    )
    return json_answer(DocumentOut.of(document))


@router.delete("/{document_id}", status_code=204, responses=problems(401, 404))
def delete_document(caller: CallerDep, document_id: UUID) -> Response:
    """Remove a document with its pages and files."""
    services().documents.delete(caller.account_id, document_id)
    return Response(status_code=204)


@router.post("/{document_id}/cancel", response_model=DocumentOut, responses=problems(401, 404, 409))
def cancel_document(caller: CallerDep, document_id: UUID) -> Response:
    """Stop reading a document; pages already read stay."""
    return json_answer(DocumentOut.of(services().documents.cancel(caller.account_id, document_id)))


@router.post(
    "/{document_id}/retry",
    status_code=202,
    response_model=DocumentOut,
    responses=problems(401, 404, 409)
    | {202: {"description": "Queued again.", "headers": openapi.LOCATION | openapi.RETRY_AFTER}},
)
def retry_document(caller: CallerDep, document_id: UUID) -> Response:
    """Read again what was not read: failed pages, and those a cancelled document did not get to."""
    return accepted(services().documents.retry(caller.account_id, document_id))
