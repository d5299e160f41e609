"""Multipart forms: one file and options, read with bounded memory, whatever the client calls things."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from email.message import Message
from typing import Any, TypeVar

import pydantic_core
from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from functions.api.cost_schemas import QuoteForm
from functions.api.errors import MAX_FIELD, invalid_options
from functions.api.schemas import SubmitForm
from shared.config import MIB
from shared.errors import FileMissing, InvalidFilename, InvalidOption, Permanent, UnknownOption, UnsupportedMediaType
from shared.services.options import DocumentOptions

MULTIPART = "multipart/form-data"
JSON = "application/json"
MAX_FIELDS = 40
MAX_FIELD_BYTES = 64 * 1024
FILE = "file"
SomeOptions = TypeVar("SomeOptions", bound=DocumentOptions)
_LONG_HEADER = "Maximum header size exceeded"


@dataclass(frozen=True, slots=True)
class Form:
    """A submitted document: its file as the client named it, and what it asks for."""

    filename: str
    body: bytes
    options: SubmitForm


async def read_form(request: Request) -> Form:
    """Read and check the form of a submission.

    Raises:
        UnsupportedMediaType: the body is no multipart form.
        FileMissing, UnknownOption, InvalidOption, InvalidPageRange: something in it is not as it should be.
        Permanent: it can't be parsed.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        message = f"Send the document as {MULTIPART}, with the file in a part named `file`."
        raise UnsupportedMediaType(message)
    data = await _parse(request)
    try:
        file, fields = _sort(data)
        if file is None:
            message = "There is no file: send it in a part named `file`, with a file name."
            raise FileMissing(message, errors=[{"field": FILE, "message": "missing, or sent without a file name"}])
        return Form(file.filename or "", await file.read(), _options(SubmitForm, fields))
    finally:
        await data.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a quote is wanted for: a file, or the document that the options name."""

    filename: str
    body: bytes | None
    options: QuoteForm


async def read_question(request: Request) -> Asked:
    """Read and check what a quote is wanted for: a form, or JSON that names a document.

    Raises:
        UnsupportedMediaType: the body is neither.
        FileMissing: it has neither a file nor a document, or both.
        UnknownOption, InvalidOption, InvalidPageRange, Permanent: something in it is not as it should be.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        data = await _parse(request)
        try:
            file, fields = _sort(data)
            body = None if file is None else await file.read()
            asked = Asked("" if file is None else file.filename or "", body, _options(QuoteForm, fields))
        finally:
            await data.close()
    elif kind == JSON:
        asked = Asked("", None, _question(await request.body()))
    else:
        message = f"Send {MULTIPART} with a part named `file`, or {JSON} with a `document_id`."
        raise UnsupportedMediaType(message)
    if (asked.body is None) == (asked.options.document_id is None):
        message = "Send either a file, in a part named `file`, or the `document_id` of a document that is here."
        raise FileMissing(message, errors=[{"field": FILE, "message": "either this or document_id"}])
    return asked


def _question(body: bytes) -> QuoteForm:
    try:
        values = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        message = "The body is no JSON."
        raise Permanent(message) from error
    if not isinstance(values, dict):
        message = 'The body is no JSON object; send it like {"document_id": "..."}.'
        raise Permanent(message)
    try:
        return QuoteForm.model_validate(values)
    except ValidationError as error:
        raise invalid_options(error) from None


class _Parser(MultiPartParser):
    """Keeps the file in memory, for its size is bounded, and knows file names that come as `filename*` alone."""

    spool_max_size = 64 * MIB

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, stream, max_files=MAX_FIELDS, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)

    def on_headers_finished(self) -> None:
        """Read the headers of a part, its extended file name (RFC 5987) made plain first."""
        header = self._current_part.content_disposition
        if header and b"filename*" in header.lower() and b"filename=" not in header.lower():
            self._current_part.content_disposition = header + _plain_filename(header)
        super().on_headers_finished()


def _plain_filename(header: bytes) -> bytes:
    r"""`filename*=utf-8''%C3%A4.png` as `; filename="ä.png"`."""
    message = Message()
    message["Content-Disposition"] = header.decode("latin-1").replace("\r", " ").replace("\n", " ")
    name = (message.get_filename() or "").encode("utf-8", "replace")
    return b'; filename="' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


async def _parse(request: Request) -> FormData:
    # request.stream() is an async generator that calls itself an iterator.
    stream: Any = request.stream()
    try:
        return await _Parser(request.headers, stream).parse()
    except MultiPartException as error:
        if _LONG_HEADER in str(error.__cause__ or error.__context__):
            message = "A part's header is too long; a file name takes at most 255 characters."
            raise InvalidFilename(message) from error
        message = f"The form can't be parsed: {error.message}"
        raise Permanent(message) from error
    # A charset that decodes to nothing, a file name that is no text, a part header of no sense.
    except (ValueError, LookupError) as error:
        message = "The form can't be parsed: a part's header is malformed."
        raise Permanent(message) from error


def _sort(data: FormData) -> tuple[UploadFile | None, dict[str, str]]:
    """Tell the file from the options; each may be there once."""
    file: UploadFile | None = None
    fields: dict[str, str] = {}
    for name, value in data.multi_items():
        if name in fields or (name == FILE and file is not None):
            message = f"{name[:MAX_FIELD]} was sent more than once."
            raise InvalidOption(message, errors=[{"field": name[:MAX_FIELD], "message": "sent more than once"}])
        if isinstance(value, str):
            fields[name] = value
        elif name == FILE:
            file = value
        else:
            message = f"There is no option {name[:MAX_FIELD]} that takes a file; the document goes into `file`."
            raise UnknownOption(message, errors=[{"field": name[:MAX_FIELD], "message": "unknown"}])
    return file, fields


def _options(model: type[SomeOptions], fields: dict[str, str]) -> SomeOptions:
    values: dict[str, Any] = dict(fields)
    if "metadata" in values:
        values["metadata"] = _json(values["metadata"])
    try:
        return model(**values)
    except ValidationError as error:
        raise invalid_options(error) from None


def _json(text: str) -> Any:
    try:
        # Unlike json.loads it refuses what nests too deep instead of exhausting the stack.
        return pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError as error:
        message = 'metadata is no JSON object; send it like {"order": 17}.'
        raise InvalidOption(message, errors=[{"field": "metadata", "message": "no JSON"}]) from error
