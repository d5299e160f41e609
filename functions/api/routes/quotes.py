"""Quotes: what reading a file would take and cost."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from functions.api import openapi
from functions.api.answers import POLL_SECONDS, json_answer
from functions.api.cost_schemas import QuoteOut, QuoteWait
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.errors import problem
from functions.api.forms import Asked, read_question
from functions.api.openapi import problems
from functions.api.polling import poll
from shared import errors
from shared.bootstrap import services
from shared.values import Answer, Caller, QuoteStatus

router = APIRouter(prefix="/v1/quotes", tags=["quotes"])

_HEADERS = openapi.LOCATION | openapi.REPLAY


@router.post(
    "",
    response_model=QuoteOut,
    responses=problems(401, 404, 409, 413, 415, 422)
    | {
        200: {"description": "The quote.", "headers": _HEADERS},
        202: {
            "model": QuoteOut,
            "description": "It takes longer; follow `Location`.",
            "headers": _HEADERS | openapi.RETRY_AFTER,
        },
    },
    openapi_extra=openapi.quote_body(),
)
async def create_quote(
    request: Request, caller: CallerDep, query: Annotated[QuoteWait, Query()], idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask what reading a file, or a document that is here, would take and cost; nothing is read.

    What is wrong with the file is the answer, as a problem with the code that reading it would end with.
    """
    asked = await read_question(request)
    quote_id, replayed = await run_in_threadpool(_ask, caller, idempotency_key, asked)
    row = await poll(
        request,
        query.wait,
        lambda: services().quotes.get(caller.account_id, quote_id),
        lambda seen: seen.status != QuoteStatus.QUEUED,
    )
    headers = {"Location": f"/v1/quotes/{row.id}"} | ({"Idempotent-Replay": "true"} if replayed else {})
    if row.status == QuoteStatus.FAILED:
        return problem(errors.of_code(row.error_code or "", row.error_message or ""), headers)
    if row.status == QuoteStatus.QUEUED:
        return json_answer(QuoteOut.of(row), 202, headers | {"Retry-After": POLL_SECONDS})
    return json_answer(QuoteOut.of(row), 200, headers)


def _ask(caller: Caller, key: str | None, asked: Asked) -> tuple[UUID, bool]:
    digest = hashlib.sha256(asked.body or b"").hexdigest() if key else ""
    sent = asked.options.model_dump(mode="json")
    once = Once(caller, key, fingerprint("POST", "/v1/quotes", sent, asked.filename, digest))
    answer, replayed = once.answer(lambda new_id: _make(caller, asked, new_id))
    return UUID(answer.body["id"]), replayed


def _make(caller: Caller, asked: Asked, new_id: UUID | None) -> Answer:
    quotes, options = services().quotes, asked.options
    if options.document_id is not None:
        row = quotes.of_document(caller.account_id, options.document_id, options, quote_id=new_id)
    else:
        row = quotes.of_file(caller.account_id, asked.filename, asked.body or b"", options, quote_id=new_id)
    # What it says follows: who repeats the request gets the quote as it is then.
    return Answer(202, {"id": str(row.id)})


@router.get("/{quote_id}", response_model=QuoteOut, responses=problems(401, 404))
def get_quote(caller: CallerDep, quote_id: UUID) -> Response:
    """Look at a quote; it is kept for a day."""
    return json_answer(QuoteOut.of(services().quotes.get(caller.account_id, quote_id)))
