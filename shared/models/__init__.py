"""SQLAlchemy 2 tables, a file a family. Importing this package makes all of them known to the metadata."""

from shared.models.accounts import Account, ApiKey
from shared.models.base import Base, utcnow
from shared.models.dead_letters import DeadLetter
from shared.models.documents import Document, Page
from shared.models.engines import EngineRow
from shared.models.events import EventRow
from shared.models.findings import Batch, BatchDocument, Extraction, Quote
from shared.models.idempotency import IdempotencyRow
from shared.models.jobs import JobRow, JobStatus, OutboxRow
from shared.models.messages import MessageRow, Notification, Suppression
from shared.models.outward import Circuit, Rate, Spend
from shared.models.webhooks import Delivery, DeliveryAttempt, Webhook
from shared.values import FINAL, OPEN, DocumentStatus, PageStatus

__all__ = [
    "FINAL",
    "OPEN",
    "Account",
    "ApiKey",
    "Base",
    "Batch",
    "BatchDocument",
    "Circuit",
    "DeadLetter",
    "Delivery",
    "DeliveryAttempt",
    "Document",
    "DocumentStatus",
    "EngineRow",
    "EventRow",
    "Extraction",
    "IdempotencyRow",
    "JobRow",
    "JobStatus",
    "MessageRow",
    "Notification",
    "OutboxRow",
    "Page",
    "PageStatus",
    "Quote",
    "Rate",
    "Spend",
    "Suppression",
    "Webhook",
    "utcnow",
]
