"""How reading goes, on standard error: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from infra.cli.client import FINAL, Json
from infra.cli.reading import Event, Job


class Board(Protocol, AbstractContextManager["Board", None]):
    """Where news of jobs is shown while it is entered."""

    # How long the API may hold a question, in seconds, for news to come often enough.
    wait: int

    def show(self, event: Event) -> None:
        """Show what happened."""
        ...


def board(console: Console, jobs: Sequence[Job]) -> Board:
    """What suits the console."""
    return Bars(console, jobs) if console.is_terminal else Lines(console)


class Bars:
    """A bar a file."""

    wait = 1

    def __init__(self, console: Console, jobs: Sequence[Job]) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[pages]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
        )
        self._progress = Progress(*columns, console=console)
        self._tasks: dict[int, TaskID] = {
            job.number: self._progress.add_task(
                escape(job.file.name), start=False, total=None, pages="", state="[dim]waiting"
            )
            for job in jobs
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Move the bar of the event's file."""
        task = self._tasks[event.job.number]
        self._progress.start_task(task)
        done, total = pages(event.document)
        counted = f"{done}/{total} pages" if total else ""
        state = ending(event) if event.completed else f"[dim]{status(event)}"
        if event.last and not event.completed:
            # A sentence may be longer than what is left of the line beside a bar.
            self._progress.console.print(f"{escape(event.job.file.name)}: {ending(event)}", soft_wrap=True)
            state = "[red]failed" if event.error else f"[red]{status(event)}"
        self._progress.update(task, completed=done, total=total, pages=counted, state=state)
        if event.last:
            self._progress.stop_task(task)
            if total is None:
                self._progress.update(task, total=1)


class Lines:
    """A line whenever something changed."""

    wait = 20

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: Event) -> None:
        """Say it, unless it was said last."""
        done, total = pages(event.document)
        state = ending(event) if event.last else status(event)
        counted = f", {done} of {total} pages" if total and not event.error else ""
        line = f"{escape(event.job.file.name)}: {state}{counted}"
        if self._said.get(event.job.number) != line:
            self._said[event.job.number] = line
            self._console.print(line, soft_wrap=True, highlight=False)


def pages(document: Json | None) -> tuple[int, int | None]:
    """Pages read, and pages to read once that is known."""
    progress = (document or {}).get("progress") or {}
    return progress.get("pages_done") or 0, progress.get("pages_total") or None


def status(event: Event) -> str:
    """What is going on with a document."""
    return str((event.document or {}).get("status", "sending")).replace("_", " ")


def ending(event: Event) -> str:
    """How it ended, as rich markup."""
    if event.error:
        return f"[red]{escape(event.error)}[/]"
    document = event.document or {}
    problem = document.get("error")
    if problem:
        return f"[red]{status(event)}: {escape(problem['message'])} ({escape(problem['code'])})[/]"
    if not event.completed:
        return f"[red]{status(event)}[/]"
    if event.known and document["status"] in FINAL:
        return "[green]completed[/] before; --force reads it again"
    return f"[green]completed[/] in {event.seconds:.1f} s{confidence(document)}"


def confidence(document: Json) -> str:
    """`, confidence 97%`, or nothing where a document has none."""
    value = document.get("confidence")
    return "" if value is None else f", confidence {value:.0%}"
