"""Values for each template, as real ones look: for previews."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_SITE = "https://twolane.example"

SAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "verification": {"token": "492 817", "link": f"{_SITE}/confirm?token=492817", "minutes": 60},
        "password_reset": {"token": "q7PzN2vWc4kXh1sLr8bT0yUe", "minutes": 30},
        "task_failure": {
            "task_id": "4f0f2a52-6f0c-4f0e-9a55-0a0a3df4f2a1",
            "lane": "heavy",
            "queue": "ocr",
            "name": "ocr.document",
            "error_code": "engine_failed",
            "error_message": "The engine ended with signal 9 on page 14 of 120, three times in a row.",
            "attempts": 3,
            "failed_at": "2026-05-04T09:31:07Z",
            "correlation_id": "c-20260504-8812",
            "link": f"{_SITE}/v1/dlq/4f0f2a52-6f0c-4f0e-9a55-0a0a3df4f2a1",
        },
        "health_alert": {
            "findings": [
                {"name": "Oldest mail", "detail": "A mail has been waiting for 14 minutes; 2 are allowed."},
                {"name": "Circuit of hooks.example.com", "detail": "Open since 09:12 UTC, after 20 failures in a row."},
            ],
            "checked_at": "2026-05-04T09:35:00Z",
            "link": f"{_SITE}/v1/monitoring/stats",
        },
        "weekly_digest": {
            "account": "Harbour Archive",
            "since": "2026-04-27",
            "until": "2026-05-03",
            "documents": {"completed": 1208, "partial": 12, "failed": 9, "cancelled": 0},
            "pages": 18342,
            "errors": [{"code": "password_required", "count": 6}, {"code": "corrupt_file", "count": 3}],
            "link": f"{_SITE}/v1/documents",
        },
        "inactive_reminder": {"account": "Harbour Archive", "last_active": "2026-03-30", "link": f"{_SITE}/docs"},
        "webhook_disabled": {
            "webhook_id": "b7c3c1de-5a53-4b57-8a39-6a6a7f2f1f10",
            "url": "https://hooks.example.com/twolane",
            "failures": 48,
            "failing_since": "2026-05-03T09:12:00Z",
            "last_error": "The receiver answered 502 Bad Gateway.",
        },
        "notification": {
            "title": "The archive of 1987 has been read",
            "body": "All 412 documents are done, 9,870 pages.\n\nThree have pages nobody can read:\nthey are marked.",
            "link": f"{_SITE}/v1/documents",
        },
        "plain": {
            "subject": "A new engine reads handwriting",
            "body": "Dear reader,\n\nfrom Monday on, letters written by hand are read as well: choose the engine "
            "when you send a document.\n\nWith kind regards\nthe team of Harbour Archive",
        },
    }
)
"""The variables of each template, by its name."""

UNSUBSCRIBE_URL = f"{_SITE}/unsubscribe?address=ada%40example.com&token=sample"
"""Of those that are sent in bulk."""

IN_BULK = frozenset({"weekly_digest", "inactive_reminder", "plain"})
"""What can be unsubscribed from."""
