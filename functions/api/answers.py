"""Answers that several routes give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from functions.api.schemas import DocumentOut
from shared.values import Answer

if TYPE_CHECKING:
    from shared.models import Document

POLL_SECONDS = "1"
"""When asking for a document again makes sense: a page takes about a second."""


def json_answer(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Render a model once; FastAPI would check it a second time."""
    return Response(model.model_dump_json(), status, headers, "application/json")


def accepted(document: Document) -> Response:
    """Answer that a document is queued and where it will be found."""
    shown = DocumentOut.of(document)
    return json_answer(shown, 202, {"Location": shown.links.self, "Retry-After": POLL_SECONDS})


def kept(answer: Answer, location: str, *, replayed: bool) -> Response:
    """Give an answer that was kept under its Idempotency-Key, or is now; it says so if it was."""
    headers = {"Location": location}
    if answer.status == 202:  # noqa: PLR2004  # HTTP's own number
        headers["Retry-After"] = POLL_SECONDS
    if replayed:
        headers["Idempotent-Replay"] = "true"
    return JSONResponse(answer.body, answer.status, headers)
