"""One JSON object a line on standard output, for every process of both lanes."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from shared import metrics

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

CORRELATION_ID: ContextVar[str] = ContextVar("correlation_id", default="")
"""Names the request that is being answered, or that what is being done follows from; it travels with messages."""


def correlation_id() -> str | None:
    """The id of the request at hand, if there is one."""
    return CORRELATION_ID.get() or None


# `json.dumps` would make an encoder for every line.
_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message, whatever `extra=` carried, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record as one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)


def configure(level: str = "INFO") -> None:
    """Send every logger of this process to standard output as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # A metric is no detail: without its line a fleet would not be scaled.
    metrics.log.setLevel(logging.INFO)
    # It tells at every start where it found credentials.
    logging.getLogger("botocore").setLevel(logging.WARNING)
