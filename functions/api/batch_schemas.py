"""What travels over HTTP about batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from functions.api.schemas import DocumentOut, Strict, UploadFormOut, UtcTime
from shared.services.options import DocumentOptions
from shared.values import DocumentStatus

if TYPE_CHECKING:
    from shared.models import Document
    from shared.services.batches import Item, Standing
    from shared.services.submission import Announced

MAX_DOCUMENTS = 1000
"""Documents of a batch: what one request can make within the time that its answer may take."""

_NO_OPTIONS = {"document_ids", "uploads", "force"}


class BatchUpload(Strict):
    """A file of a batch that will be posted to storage."""

    filename: str = Field(max_length=5000, description="The file's name; directories are cut off.")
    media_type: str = Field(max_length=200, description="Its media type, e.g. `application/pdf`.")
    size_bytes: int = Field(ge=0, description="Its exact size; the form takes no other.")


class BatchRequest(DocumentOptions):
    """Either `document_ids` or `uploads`, and options for all of them.

    For `uploads` they are what they are for `POST /v1/uploads`. For documents that are here, an option that is named
    says how they are to be read: one that was read otherwise is read anew, as a new document of the same bytes, and
    that stands in the batch. `callback_url` and `extract` count for all, `priority` and `metadata` for those read anew.
    """

    document_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_DOCUMENTS)] | None = Field(
        default=None, description=f"Documents of the account that are here, at most {MAX_DOCUMENTS}; each counts once."
    )
    uploads: Annotated[list[BatchUpload], Field(min_length=1, max_length=MAX_DOCUMENTS)] | None = Field(
        default=None, description=f"Files to come, at most {MAX_DOCUMENTS}."
    )
    force: bool = Field(default=False, description="Read every one anew, whatever was read before.")

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        """Refuse a batch of nothing, and one of both kinds."""
        if (self.document_ids is None) == (self.uploads is None):
            message = "send either document_ids or uploads"
            raise ValueError(message)
        return self

    @property
    def named(self) -> Mapping[str, Any]:
        """The options that were named."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set - _NO_OPTIONS)}


class BatchLinks(BaseModel):
    """Where to go from a batch; paths on this host."""

    self: str
    cancel: str


class BatchOut(BaseModel):
    """A batch: how many of its documents stand where."""

    id: UUID
    status: Literal["processing", "completed"] = Field(
        description="`completed` once all were final; a retry of one does not change it back."
    )
    counts: dict[DocumentStatus, int] = Field(description="Documents by status; what none has is left out.")
    created_at: UtcTime
    completed_at: UtcTime | None
    links: BatchLinks

    @classmethod
    def of(cls, standing: Standing, **more: Any) -> Self:
        """Show a batch."""
        path = f"/v1/batches/{standing.batch.id}"
        return cls(
            id=standing.batch.id,
            status="processing" if standing.batch.completed_at is None else "completed",
            counts=dict(standing.counts),
            created_at=standing.batch.created_at,
            completed_at=standing.batch.completed_at,
            links=BatchLinks(self=path, cancel=f"{path}/cancel"),
            **more,
        )


class BatchWithDocuments(BatchOut):
    """A batch and its documents, in the order they were named."""

    documents: list[DocumentOut]
    next_cursor: str | None = Field(description="Give it as `cursor` to go on; null at the end.")

    @classmethod
    def page(cls, standing: Standing, rows: Sequence[Document], cursor: str | None) -> Self:
        """Show a batch with a page of its documents."""
        return cls.of(standing, documents=[DocumentOut.of(row) for row in rows], next_cursor=cursor)


class BatchItemOut(BaseModel):
    """A document of a new batch."""

    document_id: UUID
    asked_for: UUID | None = Field(
        description="The document that was named; `document_id` is another where it is read anew. Null for an upload."
    )
    upload: UploadFormOut | None = Field(default=None, description="The form that takes its bytes, while it waits.")
    expires_at: UtcTime | None = Field(default=None, description="How long the form is good; a repeat gives new ones.")


class NewBatchOut(BatchOut):
    """A batch that was just made, and what stands in it for each document or file that was named."""

    documents: list[BatchItemOut]

    @classmethod
    def made(cls, standing: Standing, items: Sequence[Item]) -> Self:
        """Show a new batch, without forms: these are made with every answer."""
        shown = [BatchItemOut(document_id=item.document_id, asked_for=item.asked) for item in items]
        return cls.of(standing, documents=shown)


def with_forms(body: dict[str, Any], forms: Mapping[UUID, Announced]) -> dict[str, Any]:
    """Put forms into a kept answer, where documents wait for their bytes."""
    items = [{**item, **_form(forms.get(UUID(item["document_id"])))} for item in body["documents"]]
    return {**body, "documents": items}


def _form(announced: Announced | None) -> dict[str, Any]:
    if announced is None:
        return {}
    shown = BatchItemOut(
        document_id=announced.document.id,
        asked_for=None,
        upload=UploadFormOut(url=announced.form.url, fields=announced.form.fields),
        expires_at=announced.expires_at,
    )
    return shown.model_dump(mode="json", include={"upload", "expires_at"})


class BatchList(BaseModel):
    """Batches, newest first."""

    items: list[BatchOut]
    next_cursor: str | None = Field(description="Give it as `cursor` to go on; null at the end.")


class BatchQuery(Strict):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before.")
