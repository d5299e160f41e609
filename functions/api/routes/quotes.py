"""Quotes: what reading a file would take and cost."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from functions.api import openapi
from functions.api.answers import POLL_SECONDS, json_answer
from functions.api.cost_schemas import QuoteOut, QuoteWait
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.errors import problem
from functions.api.forms import Asked, read_question
from functions.api.openapi import problems
from shared import errors
from shared.bootstrap import services
from shared.values import Answer, Caller, QuoteStatus

if TYPE_CHECKING:
    from shared.models import Quote

router = APIRouter(prefix="/v1/quotes", tags=["quotes"])

FIRST_PAUSE = 0.025
LONGEST_PAUSE = 0.25

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
    row = await _when_over(request, caller, quote_id, query.wait)
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


async def _when_over(request: Request, caller: Caller, quote_id: UUID, seconds: float) -> Quote:
    """Poll the database without holding a thread between two looks; stop early if nobody listens any more."""
    start, pause = time.monotonic(), FIRST_PAUSE
    while True:
        row = await run_in_threadpool(services().quotes.get, caller.account_id, quote_id)
        elapsed = time.monotonic() - start
        if row.status != QuoteStatus.QUEUED or elapsed >= seconds or await request.is_disconnected():
            return row
        await anyio.sleep(min(pause, seconds - elapsed))
        pause = min(pause * 1.5, LONGEST_PAUSE)


@router.get("/{quote_id}", response_model=QuoteOut, responses=problems(401, 404))
def get_quote(caller: CallerDep, quote_id: UUID) -> Response:
    """Look at a quote; it is kept for a day."""
    return json_answer(QuoteOut.of(services().quotes.get(caller.account_id, quote_id)))
