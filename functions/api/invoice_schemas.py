"""What travels over HTTP of invoices: the fields that were found in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field

from functions.api.schemas import ErrorOut, UtcTime
from shared.values import ExtractionStatus

if TYPE_CHECKING:
    from shared.models import Extraction


class InvoiceFieldOut(BaseModel):
    """One thing that was found."""

    value: str = Field(
        description="Dates ISO 8601, amounts decimal strings like `1234.50`, currencies ISO 4217, identifiers without "
        "spaces, names as printed."
    )
    confidence: float = Field(description="0-1: how sure it is that this is the field, and read rightly.")
    page: int | None = Field(description="Where it stands, from 1; null where it stands in attached data alone.")
    box: tuple[int, int, int, int] | None = Field(
        description="`[x0, y0, x1, y1]` around it in pixels of the page as read, origin top left; null likewise."
    )
    text: str = Field(description="As printed, or as the attached data says it.")


class InvoiceLineOut(BaseModel):
    """One line of what was sold."""

    description: InvoiceFieldOut | None
    quantity: InvoiceFieldOut | None
    unit_price: InvoiceFieldOut | None
    amount: InvoiceFieldOut | None


class InvoiceFieldsOut(BaseModel):
    """The fields of an invoice or receipt; null: not found."""

    supplier: InvoiceFieldOut | None
    invoice_number: InvoiceFieldOut | None
    date: InvoiceFieldOut | None
    due_date: InvoiceFieldOut | None
    currency: InvoiceFieldOut | None
    total: InvoiceFieldOut | None = Field(description="What is to be paid, taxes included; negative for a credit note.")
    tax: InvoiceFieldOut | None = Field(description="All taxes in the total.")
    subtotal: InvoiceFieldOut | None = Field(description="The total before taxes.")
    address: InvoiceFieldOut | None = Field(description="The supplier's.")
    iban: InvoiceFieldOut | None = Field(description="Of the account to pay to; its check digits are right.")
    vat_id: InvoiceFieldOut | None = Field(description="The supplier's.")
    lines: list[InvoiceLineOut]


class InvoiceOut(BaseModel):
    """What was found in a document."""

    status: ExtractionStatus
    extractor: str | None = Field(
        description="What found it: `rules`, `e_invoice` (the XML that the PDF carries) or `llm`; null until then."
    )
    fallback: ErrorOut | None = Field(
        description="Why another extractor than the one that was to do it did; null where none had to."
    )
    error: ErrorOut | None = Field(description="Why the fields could not be looked for.")
    fields: InvoiceFieldsOut | None = Field(description="Null until they were looked for.")
    created_at: UtcTime
    completed_at: UtcTime | None

    @classmethod
    def of(cls, row: Extraction) -> Self:
        """Show an extraction."""
        said = ErrorOut(code=row.error_code, message=row.error_message or "") if row.error_code else None
        completed = row.status == ExtractionStatus.COMPLETED
        return cls(
            status=row.status,
            extractor=row.extractor,
            fallback=said if completed else None,
            error=None if completed else said,
            fields=InvoiceFieldsOut.model_validate(row.fields) if completed else None,
            created_at=row.created_at,
            completed_at=row.completed_at,
        )
