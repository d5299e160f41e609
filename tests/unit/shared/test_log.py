"""One JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from typing import Any
from uuid import uuid4

from shared.log import JsonFormatter


def line(message: str = "read %d pages", *values: object, **extra: object) -> dict[str, Any]:
    """Format one record and read it back."""
    logger = logging.getLogger("twolane.test")
    record = logger.makeRecord("twolane.test", logging.INFO, "file", 1, message, values, sys.exc_info(), extra=extra)
    if record.exc_info == (None, None, None):
        record.exc_info = None
    text = JsonFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_a_line_says_when_how_bad_who_and_what() -> None:
    said = line("read %d pages", 3)
    assert datetime.fromisoformat(said.pop("time")).utcoffset() is not None
    assert said == {"level": "info", "logger": "twolane.test", "message": "read 3 pages"}


def test_what_extra_carries_is_there_whatever_its_type() -> None:
    job_id = uuid4()
    said = line("done", job_id=job_id, pages=[1, 2], path=None)
    assert (said["job_id"], said["pages"], said["path"]) == (str(job_id), [1, 2], None)


def test_a_message_of_several_lines_stays_one_line() -> None:
    assert line("one\ntwo é")["message"] == "one\ntwo é"


def test_an_exception_brings_its_traceback() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        said = line("failed")
    assert "ZeroDivisionError" in said["traceback"]
