"""Mail: asked for here, sent by `send_email`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from functions.api import openapi
from functions.api.answers import kept
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.mail_schemas import BulkAccepted, BulkEmailRequest, EmailRequest, MessageAccepted, TokenRequest
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.config import App
from shared.values import Answer, Caller

router = APIRouter(prefix="/v1/emails", tags=["messages"])

_Accept = Callable[[UUID | None], BaseModel]
"""Queues something, under this id if there is one, and shows it."""

_RESPONSES = problems(401, 409, 413, 422) | {
    202: {"description": "It is queued.", "headers": openapi.LOCATION | openapi.RETRY_AFTER | openapi.REPLAY}
}


@router.post("", status_code=202, response_model=MessageAccepted, responses=_RESPONSES)
def send_email(caller: CallerDep, body: EmailRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Queue a mail. All of it is checked first: where anything is wrong, nothing is stored or sent."""

    def accept(new_id: UUID | None) -> BaseModel:
        return MessageAccepted(message_id=services().emails.send(caller.account_id, body.draft(), new_id))

    return _once(caller, idempotency_key, "/v1/emails", body, accept)


@router.post("/verification", status_code=202, response_model=MessageAccepted, responses=_RESPONSES)
def send_verification(caller: CallerDep, body: TokenRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Queue a mail that asks its recipient to confirm the address."""
    return _send_token(caller, idempotency_key, "verification", body)


@router.post("/password-reset", status_code=202, response_model=MessageAccepted, responses=_RESPONSES)
def send_password_reset(caller: CallerDep, body: TokenRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Queue a mail that lets its recipient set a new password."""
    return _send_token(caller, idempotency_key, "password-reset", body)


@router.post("/bulk", status_code=202, response_model=BulkAccepted, responses=_RESPONSES)
def send_bulk(caller: CallerDep, body: BulkEmailRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Queue a mail to each of many. Who can't be written to is named in the answer and never stops the rest."""

    def accept(new_id: UUID | None) -> BaseModel:
        return BulkAccepted.of(services().emails.send_bulk(caller.account_id, body.draft(), new_id))

    return _once(caller, idempotency_key, "/v1/emails/bulk", body, accept)


def _send_token(caller: Caller, key: str | None, what: str, body: TokenRequest) -> Response:
    template = what.replace("-", "_")
    variables = {"token": body.token, "link": _link(what, body.token)}

    def accept(new_id: UUID | None) -> BaseModel:
        given = {name: value for name, value in variables.items() if value is not None}
        message_id = services().emails.send_template(caller.account_id, body.to, template, given, new_id)
        return MessageAccepted(message_id=message_id)

    return _once(caller, key, f"/v1/emails/{what}", body, accept)


def _link(what: str, token: str) -> str | None:
    """Where the application at `APP_URL` takes the token; None where there is no such address."""
    app_url = App().app_url
    return f"{app_url.rstrip('/')}/{what}?{urlencode({'token': token})}" if app_url else None


def _once(caller: Caller, key: str | None, path: str, body: BaseModel, accept: _Accept) -> Response:
    once = Once(caller, key, fingerprint("POST", path, body.model_dump(mode="json")))

    def make(new_id: UUID | None) -> Answer:
        shown: dict[str, Any] = accept(new_id).model_dump(mode="json")
        return Answer(202, shown)

    answer, replayed = once.answer(make)
    return kept(answer, f"/v1/messages/{answer.body['message_id']}", replayed=replayed)
