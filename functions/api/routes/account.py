"""The caller's account."""

from __future__ import annotations

from fastapi import APIRouter, Response

from functions.api.answers import json_answer
from functions.api.deps import CallerDep
from functions.api.notice_schemas import AccountChange, AccountOut
from functions.api.openapi import problems
from shared.bootstrap import services

router = APIRouter(prefix="/v1/account", tags=["account"])


@router.get("", response_model=AccountOut, responses=problems(401))
def get_account(caller: CallerDep) -> Response:
    """Look at your account, and where its notifications go."""
    return json_answer(AccountOut.of(services().accounts.get(caller.account_id)))


@router.patch("", response_model=AccountOut, responses=problems(401, 413, 422))
def change_account(caller: CallerDep, body: AccountChange) -> Response:
    """Change where your account's notifications go, and how long its documents stay.

    What is left out stays, null removes it.
    """
    changed = services().accounts.change(caller.account_id, body.model_dump(exclude_unset=True))
    return json_answer(AccountOut.of(changed))
