"""What happened, as others are told: the events that leave through the event bus and reach webhooks.

The schema is versioned: fields may be added within a version, nothing changes or goes. `infra/EVENTS.md` documents it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

VERSION = 1
"""Of the schema; part of every event."""

SOURCE = "twolane"
"""`source` of every event on the bus."""


class Event(BaseModel):
    """Something that happened to something an account owns. The fields are the event's `data`."""

    model_config = ConfigDict(frozen=True)

    type: ClassVar[str]

    @property
    def subject(self) -> UUID:
        """The id of what it happened to."""
        raise NotImplementedError


class _OfDocument(Event):
    """A document became final.

    Attributes:
        document_id: whose text to fetch.
        status: the last part of the event's type.
        filename: as the client named it.
        page_count: pages of the file; null where it could not be opened.
        error: code and message of what went wrong, or null.
        metadata: what the client sent along.
    """

    document_id: UUID
    status: Literal["completed", "partial", "failed", "cancelled"]
    filename: str
    page_count: int | None
    error: dict[str, str] | None
    metadata: dict[str, Any]

    @property
    def subject(self) -> UUID:
        """The document."""
        return self.document_id


class DocumentCompleted(_OfDocument):
    """Every page was read."""

    type = "document.completed"


class DocumentPartial(_OfDocument):
    """Some pages could not be read; the others were."""

    type = "document.partial"


class DocumentFailed(_OfDocument):
    """No page could be read."""

    type = "document.failed"


class DocumentCancelled(_OfDocument):
    """Somebody stopped it."""

    type = "document.cancelled"


class BatchCompleted(Event):
    """Every document of a batch is final. `counts` has how many ended with which status."""

    type = "batch.completed"
    batch_id: UUID
    counts: dict[str, int]

    @property
    def subject(self) -> UUID:
        """The batch."""
        return self.batch_id


class ReportCompleted(Event):
    """A report can be downloaded."""

    type = "report.completed"
    report_id: UUID
    kind: str
    format: str

    @property
    def subject(self) -> UUID:
        """The report."""
        return self.report_id


class ImportCompleted(Event):
    """An import is over."""

    type = "import.completed"
    import_id: UUID
    rows_imported: int
    rows_failed: int

    @property
    def subject(self) -> UUID:
        """The import."""
        return self.import_id


EVENTS: dict[str, type[Event]] = {
    kind.type: kind
    for kind in (
        *(DocumentCompleted, DocumentPartial, DocumentFailed, DocumentCancelled),
        *(BatchCompleted, ReportCompleted, ImportCompleted),
    )
}
"""Every event, by type."""
