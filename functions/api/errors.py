"""Errors as clients see them: RFC 9457 problem documents, and one function that makes them."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from shared.errors import (
    BrokerUnavailable,
    DatabaseUnavailable,
    Forbidden,
    InvalidOption,
    NotFound,
    ObjectMissing,
    OutputInProgress,
    Permanent,
    QueueUnavailable,
    RequestInProgress,
    SpendCapReached,
    StorageUnavailable,
    Transient,
    TwolaneError,
    Unauthorized,
    UnknownOption,
)

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="twolane"'
SOON = "1"
"""Seconds after which a request that is being answered is worth repeating: most take less."""

MAX_FIELD = 100
"""Characters of a field's name that an error repeats: the name may be the client's invention."""

_OUTSIDE: dict[type[TwolaneError], str] = {
    DatabaseUnavailable: "The database does not answer. Try again in a moment.",
    StorageUnavailable: "The object store does not answer. Try again in a moment.",
    BrokerUnavailable: "The broker does not answer. Try again in a moment.",
    QueueUnavailable: "The queue does not take it now. Try again in a moment.",
    ObjectMissing: "The file is not in the object store any more.",
}
"""What clients read instead of sentences that may name hosts, buckets and keys; those go to the log."""


class MethodNotAllowed(Permanent):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    status = 405


class BodyTooLarge(HTTPException):
    """A body over its limit, found while it is read: FastAPI lets only its own kind of error through there."""

    def __init__(self, error: TwolaneError) -> None:
        super().__init__(status_code=error.status, detail=error.detail)
        self.error = error


def problem(error: TwolaneError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Map an error to its HTTP answer."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": _OUTSIDE.get(type(error), error.detail),
        "code": error.code,
    }
    if error.errors:
        body["errors"] = error.errors
    return JSONResponse(body, error.status, _headers(error) | dict(headers or {}), media_type=PROBLEM_JSON)


def invalid(errors: Sequence[Mapping[str, Any]], where: int = 0) -> TwolaneError:
    """Turn pydantic's errors into ours. What was sent is never repeated: it may hold a password.

    Args:
        errors: as pydantic lists them.
        where: how many leading parts of a location name where it was (`body`, `query`) rather than a field.
    """
    named = [{"field": _field(error, where), "message": _sentence(error)} for error in errors]
    detail = "; ".join(f"{item['field'] or 'body'}: {item['message']}" for item in named)
    if any(error["type"] == "extra_forbidden" for error in errors):
        unknown = [
            item["field"] for item, error in zip(named, errors, strict=True) if error["type"] == "extra_forbidden"
        ]
        return UnknownOption(f"There is no option {', '.join(unknown)}.", errors=named)
    if all(_about_option(error, where) for error in errors):
        return InvalidOption(detail, errors=named)
    return Permanent(detail, errors=named)


def invalid_options(error: ValidationError) -> TwolaneError:
    """Turn what is wrong with an options model into our error."""
    return invalid(error.errors(include_url=False, include_input=False, include_context=False))


def install(app: FastAPI) -> None:
    """Let every error leave as a problem document."""
    app.add_exception_handler(TwolaneError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_ours(request: Request, error: Exception) -> JSONResponse:
    del request
    if not isinstance(error, TwolaneError):
        raise error
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s: %s", error.code, error.detail)
    return problem(error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    del request
    if not isinstance(error, RequestValidationError):
        raise error
    errors = error.errors()
    if any(item["loc"][0] == "path" for item in errors):
        # Ids are the only parameters in our paths, and what is no id names nothing.
        return problem(NotFound("There is nothing with this id."))
    return problem(invalid(errors, where=1))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return problem(_from_http(request, error), error.headers)


def _from_http(request: Request, error: HTTPException) -> TwolaneError:
    if isinstance(error, BodyTooLarge):
        return error.error
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this path; see /docs.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(f"{request.method[:20]} is not possible at this path; see /docs.")
    return Permanent("The body of this request can't be read; send what its Content-Type says.")


def _headers(error: TwolaneError) -> dict[str, str]:
    if isinstance(error, Transient | SpendCapReached):
        return {"Retry-After": str(math.ceil(error.retry_after))}
    if isinstance(error, RequestInProgress | OutputInProgress):
        return {"Retry-After": SOON}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, Forbidden):
        return {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope"'}
    return {}


def _sentence(error: Mapping[str, Any]) -> str:
    """What is wrong, in words: pydantic's own are plain but where they quote a pattern or say whose error it is."""
    if error["type"] == "string_pattern_mismatch":
        return "is not of the form that /docs describes, or holds a character that is not taken here"
    return str(error["msg"]).removeprefix("Value error, ")


def _field(error: Mapping[str, Any], where: int) -> str:
    if error["type"] == "json_invalid":
        return ""
    return ".".join(str(part) for part in error["loc"][where:])[:MAX_FIELD]


def _about_option(error: Mapping[str, Any], where: int) -> bool:
    """Whether a field was given that has a wrong value; else the request itself is not what it should be."""
    in_header = where > 0 and error["loc"][0] == "header"
    return error["type"] not in {"missing", "json_invalid"} and len(error["loc"]) > where and not in_header
