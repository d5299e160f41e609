"""Around every request: an id, headers, one line of log, an answer to the unforeseen, and a lid on the body."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.api.errors import BodyTooLarge, problem
from shared.config import MIB
from shared.errors import FileTooLarge, MessageTooLarge, TwolaneError
from shared.log import CORRELATION_ID

log = logging.getLogger(__name__)

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

FORM_ALLOWANCE = 256 * 1024
"""Bytes that a form's options and part headers may take beside the file, and any other body altogether."""

MAIL_ALLOWANCE = 4 * MIB + 2 * FORM_ALLOWANCE
"""Bytes of a mail as it is asked for: 3 MiB of attachments in base64, and its text. Lambda is sent at most 6 MB."""

BATCH_ALLOWANCE = MIB
"""Bytes of a batch as it is asked for: a thousand files with long names."""


class RequestIdFilter(logging.Filter):
    """Puts the id of the request being answered on every line of log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its request's id."""
        if request_id := CORRELATION_ID.get():
            record.request_id = request_id
        return True


class RequestContext:
    """Outermost: whatever happens inside, the client gets an answer with a request id, and the log has the story."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        token = CORRELATION_ID.set(given if _ACCEPTED_ID.fullmatch(given) else uuid4().hex)
        try:
            await _Exchange(scope, send).run(self._app, receive)
        finally:
            CORRELATION_ID.reset(token)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._status: int | None = None
        self._started = time.perf_counter()

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        try:
            await app(self._scope, receive, self.send)
        except ClientDisconnect:
            log.info("the client went away while it was sending")
        except Exception:
            log.exception("unforeseen error")
            if self._status is not None:
                raise
            unforeseen = TwolaneError(
                f"Something went wrong here. If it lasts, tell us request {CORRELATION_ID.get()}."
            )
            await problem(unforeseen)(self._scope, receive, self.send)
        finally:
            self._log()

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets the headers that all answers have."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = CORRELATION_ID.get()
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            if self._scope["path"].startswith("/v1/"):
                headers["Cache-Control"] = "no-store"
                headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        await self._send(message)

    def _log(self) -> None:
        path: str = self._scope["path"]
        log.log(
            logging.DEBUG if path.startswith("/health") else logging.INFO,
            "request",
            extra={
                "method": self._scope["method"],
                "path": path[:500],
                "status": self._status,
                "duration_ms": round((time.perf_counter() - self._started) * 1000, 1),
            },
        )


class BodyLimit:
    """Refuses bodies over a limit: by their Content-Length before a byte is read, or where reading passes it.

    Args:
        app: what is inside.
        max_file_bytes: largest file of a multipart POST to `/v1/documents` or `/v1/quotes`.
    """

    def __init__(self, app: ASGIApp, max_file_bytes: int) -> None:
        self._app = app
        self._max_file_bytes = max_file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its bytes counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, error = self._limit(scope)
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > limit:
            await problem(error)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise BodyTooLarge(error)
            return message

        await self._app(scope, counted, send)

    def _limit(self, scope: Scope) -> tuple[int, TwolaneError]:
        path: str = scope["path"]
        if path in {"/v1/documents", "/v1/quotes"}:
            size = f"{self._max_file_bytes / MIB:g} MiB"
            hint = f"A file sent with the request may have at most {size}. Larger ones go through POST /v1/uploads."
            return self._max_file_bytes + FORM_ALLOWANCE, FileTooLarge(hint)
        if path.startswith("/v1/emails"):
            size = f"{MAIL_ALLOWANCE / MIB:g} MiB"
            hint = f"A mail sent with the request may have at most {size}; put large attachments into the store."
            return MAIL_ALLOWANCE, MessageTooLarge(hint)
        if path == "/v1/batches":
            size = f"{BATCH_ALLOWANCE // 1024} KiB"
            return BATCH_ALLOWANCE, FileTooLarge(f"A batch may be asked for in at most {size}; make several batches.")
        return FORM_ALLOWANCE, FileTooLarge(f"The body may have at most {FORM_ALLOWANCE // 1024} KiB here.")
