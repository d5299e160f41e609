"""OpenAPI that is true: every status an operation answers, problems as their own media type, forms with fields."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from functions.api.cost_schemas import QuoteForm
from functions.api.errors import PROBLEM_JSON
from functions.api.schemas import Problem, SubmitForm, UploadRequest
from shared.media import SUPPORTED
from shared.services.options import DocumentOptions

Responses = dict[int | str, dict[str, Any]]

_MEANING = {
    401: ("unauthorized", "No key came with the request, or one nobody has."),
    403: ("forbidden", "The key has another role."),
    404: ("not_found", "This account has nothing with this id."),
    409: ("conflict", "The state does not allow it."),
    413: ("file_too_large", "The body is larger than this way takes."),
    415: ("unsupported_media_type", "Neither an image nor a PDF, or not sent as documented."),
    422: ("invalid_option", "Something that was sent is not as it should be; `errors` names it."),
    429: ("throttled", "Too much for now, or for this month; try again after `Retry-After` seconds."),
    500: ("internal_error", "A fault of ours."),
    503: ("database_unavailable", "Something this needs does not answer; try again after `Retry-After` seconds."),
}
_REQUEST_HEADER = {"X-Request-ID": {"description": "Names the request in our log.", "schema": {"type": "string"}}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}},
    409: {
        "Retry-After": {
            "description": "Seconds to wait, with `request_in_progress` and `output_in_progress`.",
            "schema": {"type": "integer"},
        }
    },
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}
LOCATION = {"Location": {"description": "Where the thing is.", "schema": {"type": "string"}}}
RETRY_AFTER = {"Retry-After": {"description": "Seconds until asking makes sense.", "schema": {"type": "integer"}}}
REPLAY = {
    "Idempotent-Replay": {"description": "`true` where this is the first answer again.", "schema": {"type": "string"}}
}


def problems(*statuses: int) -> Responses:
    """Document the errors of an operation; 500 and 503 belong to all."""
    return {status: _problem(status) for status in (*statuses, 500, 503)}


def _problem(status: int) -> dict[str, Any]:
    code, meaning = _MEANING[status]
    example = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": meaning,
        "code": code,
    }
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": meaning, "content": content, "headers": _REQUEST_HEADER | _HEADERS.get(status, {})}


def multipart_body() -> dict[str, Any]:
    """Document the form of `POST /v1/documents`, from the model that checks it."""
    schema = SubmitForm.model_json_schema()
    fields = {name: _without_null(field) for name, field in schema["properties"].items()}
    file = {
        "type": "string",
        "format": "binary",
        "description": f"{SUPPORTED}; at most 4 MiB.",
    }
    form = {
        "type": "object",
        "properties": {"file": file, **_described(fields)},
        "required": ["file"],
        "additionalProperties": False,
    }
    encoding = {"metadata": {"contentType": "application/json"}}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form, "encoding": encoding}}}
    }


def quote_body() -> dict[str, Any]:
    """Document what a quote is asked with: a form with a file or a document, or JSON with a document."""
    schema = QuoteForm.model_json_schema()
    fields = _described({name: _without_null(field) for name, field in schema["properties"].items()})
    file = {"type": "string", "format": "binary", "description": f"{SUPPORTED}; at most 4 MiB."}
    closed = {"type": "object", "additionalProperties": False}
    form = {**closed, "properties": {"file": file, **fields}}
    named = {**closed, "properties": fields, "required": ["document_id"]}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": named}}
    return {"requestBody": {"required": True, "content": content}}


def install(app: FastAPI) -> None:
    """Add to FastAPI's document what it cannot know."""
    generate: Callable[[], dict[str, Any]] = app.openapi

    def complete() -> dict[str, Any]:
        document: dict[str, Any] | None = app.openapi_schema
        if document is None:
            document = generate()
            _complete(document)
        return document

    # Replacing the method is how FastAPI documents this.
    app.openapi = complete  # type: ignore[method-assign]  # how FastAPI documents that it is done


def _complete(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    _forget_fastapis_errors(document)
    _tell_of_the_lid(document)
    upload = schemas[UploadRequest.__name__]
    _described(upload["properties"])
    upload["example"] = {"filename": "scan.pdf", "media_type": "application/pdf", "size_bytes": 7340032}


def _forget_fastapis_errors(document: dict[str, Any]) -> None:
    """Drop the 422 that FastAPI adds to every path with an id: what is no id answers 404 here."""
    for path in document["paths"].values():
        for operation in path.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)


def _tell_of_the_lid(document: dict[str, Any]) -> None:
    """Document that bodies have a limit (see `middleware.BodyLimit`), also where none is needed."""
    for path in document["paths"].values():
        for method in path.keys() & {"post", "patch"}:
            path[method]["responses"].setdefault("413", _problem(413))


def _described(fields: dict[str, Any]) -> dict[str, Any]:
    """Give options the descriptions that the model's docstring holds."""
    for name, text in _attributes(DocumentOptions).items():
        fields[name].setdefault("description", text)
    return fields


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    section = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")[2]
    return dict(re.findall(r"^ +(\w+): (.+)$", section, re.MULTILINE))


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A form field is there or not; it is never null."""
    variants = [variant for variant in field.get("anyOf", []) if variant != {"type": "null"}]
    if len(variants) != 1:
        return field
    kept = {name: value for name, value in field.items() if name not in {"anyOf", "default"}}
    return {**kept, **variants[0]}
