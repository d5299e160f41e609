"""Notifications: told to an account, and its inbox."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.api import openapi
from functions.api.answers import json_answer, kept
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.notice_schemas import (
    NotificationAccepted,
    NotificationList,
    NotificationOut,
    NotificationQuery,
    NotificationRequest,
)
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.services.notices import Notice
from shared.values import Answer

router = APIRouter(prefix="/v1/notifications", tags=["messages"])

_ACCEPTED = {"description": "It is queued.", "headers": openapi.LOCATION | openapi.RETRY_AFTER | openapi.REPLAY}


@router.post(
    "",
    status_code=202,
    response_model=NotificationAccepted,
    responses=problems(401, 409, 413, 422, 429) | {202: _ACCEPTED},
)
def notify(caller: CallerDep, body: NotificationRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Queue a notification: into the account's inbox, and to its mail address and phone as `channels` say."""
    once = Once(caller, idempotency_key, fingerprint("POST", "/v1/notifications", body.model_dump(mode="json")))

    def accept(new_id: UUID | None) -> Answer:
        notice = Notice(body.account_id or caller.account_id, body.title, body.body, frozenset(body.channels))
        message_id = services().notifications.submit(caller, notice, new_id)
        return Answer(202, NotificationAccepted(message_id=message_id).model_dump(mode="json"))

    answer, replayed = once.answer(accept)
    return kept(answer, f"/v1/messages/{answer.body['message_id']}", replayed=replayed)


@router.get("", response_model=NotificationList, responses=problems(401, 422))
def list_notifications(caller: CallerDep, query: Annotated[NotificationQuery, Query()]) -> Response:
    """List your account's notifications, newest first."""
    rows, cursor = services().notifications.list(caller.account_id, query.limit, query.cursor, unread=query.unread)
    return json_answer(NotificationList(items=[NotificationOut.of(row) for row in rows], next_cursor=cursor))


@router.post("/{notification_id}/read", response_model=NotificationOut, responses=problems(401, 404))
def read_notification(caller: CallerDep, notification_id: UUID) -> Response:
    """Note that a notification was read; doing so again changes nothing."""
    return json_answer(NotificationOut.of(services().notifications.read(caller.account_id, notification_id)))
