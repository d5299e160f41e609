"""What travels over HTTP: the shapes of requests and answers, as OpenAPI shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shared.services.options import DocumentOptions
from shared.values import DocumentFlag, DocumentStatus, PageStatus, ResultFormat

if TYPE_CHECKING:
    # Named here, read by nobody at run time: importing the tables takes longer than all of FastAPI.
    from shared.models import Document, Page
    from shared.services.submission import Announced

MAX_PAGE_NUMBER = 2**31 - 1
"""The largest number the page column holds."""


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        message = "this time is outside the calendar"
        raise ValueError(message) from error


UtcTime = Annotated[datetime, AfterValidator(_utc)]


class Strict(BaseModel):
    """What clients send: unknown names are refused, so that a typing error is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- documents


class SubmitForm(DocumentOptions):
    """The form fields beside `file`."""

    force: bool = Field(default=False, description="Read again although the same bytes with the same options are here.")


class UploadRequest(DocumentOptions):
    """Announces a file that will be posted to storage."""

    filename: str = Field(max_length=5000, description="The file's name; directories are cut off.")
    media_type: str = Field(max_length=200, description="Its media type, e.g. `application/pdf`.")
    size_bytes: int = Field(ge=0, description="Its exact size; the form takes no other.")
    force: bool = Field(
        default=False, description="Read again although the same bytes with the same options were read before."
    )


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str = Field(description="The phrase of the HTTP status.")
    status: int
    detail: str = Field(description="What is wrong and what to do about it.")
    code: str = Field(description="Stable name of the error, snake_case.")
    errors: list[FieldError] | None = Field(default=None, description="Each field that is wrong; absent if none is.")


class FieldError(BaseModel):
    """What is wrong with one field, option, or check."""

    field: str
    message: str


class ErrorOut(BaseModel):
    """Why a document or page was not read."""

    code: str
    message: str


class Progress(BaseModel):
    """How far reading is; `pages_total` is null until the document has been opened."""

    pages_done: int
    pages_total: int | None


class Links(BaseModel):
    """Where to go from a document; paths on this host."""

    self: str
    pages: str
    result: str
    invoice: str
    cancel: str
    retry: str
    cost: str


class DocumentOut(BaseModel):
    """A document: what came in, and how far it is."""

    id: UUID
    status: DocumentStatus
    filename: str
    media_type: str | None
    size_bytes: int
    sha256: str | None
    page_count: int | None
    progress: Progress
    engine: str = Field(description="The engine that read it; until then, the one asked for.")
    languages: str
    confidence: float | None = Field(description="0-1, over all words read.")
    text_source: str | None = Field(description="Where the text came from.")
    flags: list[DocumentFlag] = Field(description="What else the file is; known once it was opened.")
    error: ErrorOut | None
    metadata: dict[str, Any]
    created_at: UtcTime
    started_at: UtcTime | None
    completed_at: UtcTime | None
    links: Links

    @classmethod
    def of(cls, row: Document) -> Self:
        """Show a document."""
        return cls(
            id=row.id,
            status=row.status,
            filename=row.filename,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            page_count=row.page_count,
            progress=Progress(pages_done=row.pages_done, pages_total=row.pages_total),
            engine=row.engine or row.options["engine"],
            languages=row.options["languages"],
            confidence=row.confidence,
            text_source=row.text_source,
            flags=row.flags,
            error=_error(row.error_code, row.error_message),
            metadata=row.user_metadata,
            created_at=row.created_at,
            started_at=row.started_at,
            completed_at=row.completed_at,
            links=_links(row.id),
        )


class DocumentList(BaseModel):
    """Documents, newest first."""

    items: list[DocumentOut]
    next_cursor: str | None = Field(description="Give it as `cursor` to go on; null at the end.")


class DocumentQuery(Strict):
    """Which documents to list."""

    q: str | None = Field(
        default=None,
        max_length=200,
        description='Only those whose pages say all of this: words, a "phrase", the beginning of a word (`harb*`), '
        "`-word` for those that do not.",
    )
    status: DocumentStatus | None = None
    created_after: Annotated[AwareDatetime, AfterValidator(_utc)] | None = Field(
        default=None, description="Only those made then or later; RFC 3339."
    )
    created_before: Annotated[AwareDatetime, AfterValidator(_utc)] | None = Field(
        default=None, description="Only those made earlier; RFC 3339."
    )
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")


class WaitQuery(Strict):
    """How long to wait for a final status."""

    wait: float = Field(default=0, ge=0, le=20, description="Seconds to wait for a final status.")


# --- pages and results


class WordOut(BaseModel):
    """A word; `box` is `[x0, y0, x1, y1]` in pixels of the page as read, origin top left."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


class AttemptOut(BaseModel):
    """One reading of a page by one engine."""

    engine: str
    kept: bool = Field(description="Whether its result is the page's.")
    confidence: float | None
    word_count: int
    duration_ms: int
    doubts: list[str] = Field(description="Why its result was not trusted; empty where it was.")
    error: str | None = Field(default=None, description="The code of what failed, where it did.")


class PageOut(BaseModel):
    """A page that is done or failed."""

    number: int
    status: PageStatus
    width: int | None
    height: int | None
    dpi: int | None
    text: str | None
    confidence: float | None
    engine: str | None
    source: Literal["ocr", "text_layer"] | None
    duration_ms: int | None
    attempts: list[AttemptOut] = Field(description="Every reading of the page, in order; none where it carries text.")
    error: ErrorOut | None

    @classmethod
    def of(cls, row: Page) -> Self:
        """Show a page without its words."""
        # The source is a plain column: pydantic refuses what is none of the two.
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in {"error", "attempts"}}
        attempts = [AttemptOut.model_validate(attempt) for attempt in row.attempts or ()]
        return cls(**plain, attempts=attempts, error=_error(row.error_code, row.error_message))


class PageWithWords(PageOut):
    """A page as listed; `words` come with `words=true`."""

    words: list[WordOut] | None = None


class PageList(BaseModel):
    """Pages in order, as far as they are final."""

    items: list[PageWithWords]
    next_cursor: str | None = Field(description="Give it as `after` to go on; null if no later page is final yet.")


class PageQuery(Strict):
    """Which pages to list."""

    after: int = Field(default=0, ge=0, le=MAX_PAGE_NUMBER, description="Only pages with a greater number.")
    limit: int = Field(default=50, ge=1, le=200, description="Fewer come where they would not fit into one answer.")
    words: bool = Field(default=False, description="With every word and its box.")


class ResultQuery(Strict):
    """Which output to fetch."""

    format: ResultFormat = "text"


# --- uploads


class UploadFormOut(BaseModel):
    """POST `fields` as multipart/form-data to `url`, the file last as `file`."""

    url: str
    fields: dict[str, str]


class UploadOut(BaseModel):
    """A document that waits for its bytes."""

    document_id: UUID
    upload: UploadFormOut
    expires_at: UtcTime

    @classmethod
    def of(cls, announced: Announced) -> Self:
        """Show an announced upload."""
        form = UploadFormOut(url=announced.form.url, fields=announced.form.fields)
        return cls(document_id=announced.document.id, upload=form, expires_at=announced.expires_at)


def _error(code: str | None, message: str | None) -> ErrorOut | None:
    return None if code is None else ErrorOut(code=code, message=message or "")


def _links(document_id: UUID) -> Links:
    path = f"/v1/documents/{document_id}"
    return Links(
        self=path,
        pages=f"{path}/pages",
        result=f"{path}/result",
        invoice=f"{path}/invoice",
        cancel=f"{path}/cancel",
        retry=f"{path}/retry",
        cost=f"{path}/cost",
    )
