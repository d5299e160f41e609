"""What travels over HTTP about costs and quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from functions.api.schemas import ErrorOut, Strict, UtcTime
from shared.services.options import DocumentOptions
from shared.values import DocumentFlag, QuoteStatus

if TYPE_CHECKING:
    from shared.models import Quote
    from shared.services.costs import Receipt

DECIMALS = 6
"""Digits of a dollar that are told."""


class DollarsOut(BaseModel):
    """US dollars at the configured prices, before taxes."""

    cpu: float = Field(description="Our CPU time, as if a vCPU were always busy.")
    memory: float = Field(description="Memory, for as long as pages took.")
    engines: float = Field(description="What engines that others run charge.")
    extraction: float = Field(description="What is charged for finding fields.")
    total: float


class PageGroupOut(BaseModel):
    """Pages whose text is from the same place."""

    source: Literal["ocr", "text_layer"]
    engine: str | None = Field(description="Null where the file carries the text.")
    reused: bool = Field(description="Taken over from an earlier document with the same bytes and options.")
    pages: int
    cpu_seconds: float


class CostOut(BaseModel):
    """What a document took and cost so far."""

    cpu_seconds: float = Field(description="CPU time of our machines, for pages that are final.")
    peak_memory_mb: float | None = Field(description="Most memory that a reading process had, in MiB.")
    pages: list[PageGroupOut]
    engine_calls: dict[str, int] = Field(description="Readings by each engine, kept or not.")
    dollars: DollarsOut
    textract_dollars: float = Field(description="What AWS Textract's DetectDocumentText would cost for these pages.")

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        """Show a receipt."""
        peak = receipt.peak_memory_mb
        names = ("cpu", "memory", "engines", "extraction", "total")
        return cls(
            cpu_seconds=round(receipt.cpu_seconds, 3),
            peak_memory_mb=None if peak is None else round(peak, 1),
            pages=[PageGroupOut.model_validate(group, from_attributes=True) for group in receipt.pages],
            engine_calls=dict(receipt.engine_calls),
            dollars=DollarsOut(**{name: round(getattr(receipt.dollars, name), DECIMALS) for name in names}),
            textract_dollars=round(receipt.textract_dollars, DECIMALS),
        )


class QuoteForm(DocumentOptions):
    """The form fields beside `file`, or the JSON body, of a quote."""

    document_id: UUID | None = Field(default=None, description="A document that is here, in place of a file.")


class QuoteWait(Strict):
    """How long to wait for a quote."""

    wait: float = Field(default=20, ge=0, le=20, description="Seconds to wait for the quote.")


class QuoteOut(BaseModel):
    """What reading a file would take and cost; what is not known yet is null."""

    id: UUID
    status: QuoteStatus
    filename: str
    document_id: UUID | None
    pages: int | None = Field(default=None, description="Pages that would be read, after `pages`.")
    page_count: int | None = Field(default=None, description="Pages of the file.")
    pages_with_text_layer: int | None = Field(default=None, description="Those that carry usable text already.")
    pages_to_recognise: int | None = Field(default=None, description="Those that an engine would read.")
    flags: list[DocumentFlag] | None = Field(default=None, description="What else the file is.")
    engine: str | None = Field(default=None, description="Which it was reckoned for.")
    expected_cpu_seconds: float | None = Field(default=None, description="CPU time of our machines.")
    expected_seconds: float | None = Field(
        default=None, description="Until it is completed where nothing else waits, with the workers there are now."
    )
    expected_dollars: DollarsOut | None = None
    based_on: Literal["measured", "defaults"] | None = Field(
        default=None, description="Whether times are from pages the account had read with this engine, or general ones."
    )
    textract_dollars: float | None = Field(default=None, description="What AWS Textract would cost for these pages.")
    error: ErrorOut | None = Field(default=None, description="Why there is no quote, where it failed.")
    created_at: UtcTime
    completed_at: UtcTime | None
    links: dict[str, str]

    @classmethod
    def of(cls, row: Quote) -> Self:
        """Show a quote."""
        found: dict[str, Any] = row.result
        error = None if row.error_code is None else ErrorOut(code=row.error_code, message=row.error_message or "")
        return cls(
            id=row.id,
            status=row.status,
            filename=row.filename,
            document_id=row.document_id,
            error=error,
            created_at=row.created_at,
            completed_at=row.completed_at,
            links={"self": f"/v1/quotes/{row.id}"},
            **found,
        )
