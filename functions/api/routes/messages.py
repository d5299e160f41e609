"""Messages: mails, text messages and notifications, as far as they are."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response

from functions.api.answers import json_answer
from functions.api.deps import CallerDep
from functions.api.mail_schemas import MessageOut
from functions.api.openapi import problems
from shared.bootstrap import services

router = APIRouter(prefix="/v1/messages", tags=["messages"])


@router.get("/{message_id}", response_model=MessageOut, responses=problems(401, 404))
def get_message(caller: CallerDep, message_id: UUID) -> Response:
    """Look at a message; admins may look at any account's."""
    found = services().messages.get(caller.account_id, message_id, of_any=caller.role == "admin")
    return json_answer(MessageOut.of(found))
