"""What a terminal and what a log file show of the same news."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.cli.progress import Bars, Lines, board
from infra.cli.reading import Event, Job

JOB = Job(0, Path("scan [1].pdf"), {})


def news(status: str, done: int = 0, total: int | None = None, **more: Any) -> Event:
    """An event of `JOB`."""
    return Event(JOB, {"id": "1", "status": status, "progress": {"pages_done": done, "pages_total": total}, **more})


@pytest.mark.parametrize("terminal", [True, False])
def test_pages_and_endings_are_shown(terminal: bool) -> None:  # noqa: FBT001 - a parameter of the test
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)

    with board(console, [JOB]) as shown:
        for event in (news("queued"), news("processing", 2, 5), news("completed", 5, 5, confidence=0.914)):
            shown.show(event)

    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "scan [1].pdf" in said
    assert "completed in 0.0 s, confidence 91%" in said
    assert ("5/5 pages" if terminal else "processing, 2 of 5 pages") in said
    assert isinstance(shown, Bars if terminal else Lines)


def test_lines_say_nothing_twice() -> None:
    console = Console(file=io.StringIO(), width=120)

    with board(console, [JOB]) as shown:
        for _ in range(3):
            shown.show(news("queued"))

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "scan [1].pdf: queued\n"


def test_an_error_before_any_page_is_shown_on_a_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)

    with board(console, [JOB]) as shown:
        shown.show(Event(JOB, error="Zero bytes. (empty_file)"))

    assert isinstance(console.file, io.StringIO)
    assert "Zero bytes. (empty_file)" in console.file.getvalue()
