"""SQLAlchemy 2 tables, a file a family. Importing this package makes all of them known to the metadata."""

from shared.models.accounts import Account, ApiKey
from shared.models.base import Base, utcnow
from shared.models.documents import Document, Page
from shared.models.engines import EngineRow
from shared.models.idempotency import IdempotencyRow
from shared.models.jobs import JobRow, JobStatus, OutboxRow
from shared.values import FINAL, OPEN, DocumentStatus, PageStatus

__all__ = [
    "FINAL",
    "OPEN",
    "Account",
    "ApiKey",
    "Base",
    "Document",
    "DocumentStatus",
    "EngineRow",
    "IdempotencyRow",
    "JobRow",
    "JobStatus",
    "OutboxRow",
    "Page",
    "PageStatus",
    "utcnow",
]
