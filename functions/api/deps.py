"""What handlers ask for: who is calling, and whether they asked before."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import Depends, Header, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from shared.bootstrap import services
from shared.errors import Forbidden, TwolaneError, Unauthorized
from shared.values import Answer, Caller

log = logging.getLogger(__name__)

_bearer = HTTPBearer(auto_error=False, scheme_name="Bearer", description="`Authorization: Bearer KEY`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="X-API-Key", description="`X-API-Key: KEY`")


def caller(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    api_key: Annotated[str | None, Security(_header)],
) -> Caller:
    """Tell who is calling; `X-API-Key` goes before `Authorization`, which may hold a token that the gateway asked for.

    Raises:
        Unauthorized: no key, or one nobody has.
    """
    secret = api_key or (bearer.credentials if bearer else None)
    if not secret:
        message = "A key is needed: send `Authorization: Bearer KEY` or `X-API-Key: KEY`."
        raise Unauthorized(message)
    return services().keys.authenticate(secret)


CallerDep = Annotated[Caller, Depends(caller)]


def admin(caller: CallerDep) -> Caller:
    """Let only admins through.

    Raises:
        Forbidden: the key has another role.
    """
    if caller.role != "admin":
        message = f"This takes a key with the role admin; yours has the role {caller.role}."
        raise Forbidden(message)
    return caller


AdminDep = Annotated[Caller, Depends(admin)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any unique string. The same key with the same request gives the first answer again for 24 hours, "
        "marked `Idempotent-Replay: true`; with another request it answers 422 `idempotency_key_reused`.",
    ),
]


@dataclass(frozen=True, slots=True)
class Once:
    """A request that happens once, however often it is sent.

    Attributes:
        caller: whose request it is.
        key: its Idempotency-Key; without one it happens every time.
        fingerprint: digest of all that makes it this request.
    """

    caller: Caller
    key: str | None
    fingerprint: str

    def answer(self, make: Callable[[UUID | None], Answer]) -> tuple[Answer, bool]:
        """Give the first answer and whether it is a replay; an error is not kept, and may be tried again.

        Args:
            make: answers the request, given the id of what it creates; None where any will do.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            RequestInProgress: the first request is being answered now.
        """
        if self.key is None:
            return make(None), False
        begun = services().idempotency.begin(self.caller.account_id, self.key, self.fingerprint)
        if begun.answer is not None:
            return begun.answer, True
        try:
            answer = make(self._new_id(self.key, begun.since))
        except Exception:
            self._abandon(self.key)
            raise
        self._finish(self.key, answer)
        return answer, False

    def _new_id(self, key: str, since: datetime) -> UUID:
        """The id of what this request creates: sent again after a crash, it cannot create a second one.

        It depends on when the key was first used, so that a key used anew after its day names nothing old.
        """
        return uuid5(self.caller.account_id, f"{key} {self.fingerprint} {since.isoformat()}")

    def _finish(self, key: str, answer: Answer) -> None:
        try:
            services().idempotency.finish(self.caller.account_id, key, _without_secret(answer))
        except TwolaneError as error:
            # What was asked for is done. Sent again after the lock has run out, it finds what has its id.
            log.warning("an answer is not kept: %s", error.detail)

    def _abandon(self, key: str) -> None:
        try:
            services().idempotency.abandon(self.caller.account_id, key)
        except TwolaneError as error:
            # The lock runs out by itself; the error that brought us here is the one to report.
            log.warning("an Idempotency-Key stays locked: %s", error.detail)


def fingerprint(method: str, path: str, *parts: Any) -> str:
    """Digest what makes a request this request: method, path and its parsed parts, as JSON."""
    text = json.dumps([method, path, *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_secret(answer: Answer) -> Answer:
    """What may be kept of an answer: a key, or a webhook's secret, is shown once and stored nowhere."""
    hidden = dict.fromkeys({"key", "secret"} & answer.body.keys())
    return Answer(answer.status, answer.body | hidden)
