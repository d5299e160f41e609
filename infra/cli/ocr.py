"""`twolane ocr`: send files, watch them being read, give out the results."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from infra.cli.client import ApiError, Client, Options
from infra.cli.progress import board
from infra.cli.reading import Event, Job, follow

SUFFIXES = {
    "text": ".txt",
    "json": ".json",
    "markdown": ".md",
    "hocr": ".hocr",
    "alto": ".alto.xml",
    "tsv": ".tsv",
    # Of their own, so that a result that is written beside its original never takes its place.
    "pdf": ".ocr.pdf",
    "pdfa": ".pdfa.pdf",
}
"""What each output's file name ends in."""

INTERRUPTED = 130


class Reading:
    """One run of the command: what was asked for, and what became of it.

    Args:
        client: the API.
        form: one of `SUFFIXES`.
        output: the directory results are written to; None for standard output.
        console: standard error.
    """

    def __init__(self, client: Client, form: str, output: Path | None, console: Console) -> None:
        self._client = client
        self._form = form
        self._output = output
        self._console = console
        self._latest: dict[int, Event] = {}
        self._failed = False

    def run(self, files: Sequence[Path], options: Options) -> int:
        """Read `files`; the exit code is 0 only if every page of every file was read and its result given out."""
        jobs = [Job(number, file, options) for number, file in enumerate(files)]
        targets = target_names(files, SUFFIXES[self._form])
        try:
            with board(self._console, jobs) as shown:
                for event in follow(self._client, jobs, wait=shown.wait):
                    self._latest[event.job.number] = event
                    shown.show(event)
                    if event.last and self._output:
                        self._write(event, self._output / targets[event.job.number])
            if not self._output:
                self._print()
        except KeyboardInterrupt:
            return self._interrupted()
        return 0 if not self._failed and all(event.completed for event in self._latest.values()) else 1

    def _write(self, event: Event, target: Path) -> None:
        """Write a result to a file: all of it or nothing."""
        if not has_result(event):
            return
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._client.result(_id(event), self._form) as chunks, part.open("wb") as stream:
                for chunk in chunks:
                    stream.write(chunk)
            part.replace(target)
        except (ApiError, OSError) as error:
            part.unlink(missing_ok=True)
            self._complain(event, error)

    def _print(self) -> None:
        """Print the results in the order of the files: JSON one a line, texts with a form feed between."""
        events = [event for _, event in sorted(self._latest.items()) if has_result(event)]
        for number, event in enumerate(events):
            if len(events) > 1 and sys.stdout.isatty():
                self._console.rule(escape(event.job.file.name))
            elif number and self._form == "text":
                sys.stdout.buffer.write(b"\f")
            try:
                self._copy(event)
            except ApiError as error:
                self._complain(event, error)

    def _copy(self, event: Event) -> None:
        """Copy one result to standard output, ended by a line break."""
        last = b"\n"
        with self._client.result(_id(event), self._form) as chunks:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
                last = chunk[-1:] or last
        if last != b"\n":
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()

    def _complain(self, event: Event, error: Exception) -> None:
        """A result could not be given out."""
        self._failed = True
        self._console.print(f"[red]{escape(event.job.file.name)}: {escape(str(error))}[/]", soft_wrap=True)

    def _interrupted(self) -> int:
        """Ctrl-C: say what goes on without us, and how to look at it."""
        unfinished = [event for event in self._latest.values() if event.document and not event.last]
        for event in unfinished:
            self._console.print(f"{escape(event.job.file.name)} goes on as {_id(event)}", soft_wrap=True)
        if unfinished:
            self._console.print("`twolane status ID` shows how far it is; the same `twolane ocr` fetches the result.")
        return INTERRUPTED


def has_result(event: Event) -> bool:
    """Whether there is a result to fetch."""
    return event.error is None and (event.document or {}).get("status") in {"completed", "partial"}


def target_names(files: Sequence[Path], suffix: str) -> list[str]:
    """A file name for each result: `scan.txt` for `scan.pdf`, longer where two would be the same."""
    stems = Counter(file.stem for file in files)
    short = [(file.stem if stems[file.stem] == 1 else file.name) + suffix for file in files]
    seen: Counter[str] = Counter()
    names = []
    for name in short:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name.removesuffix(suffix)}-{seen[name]}{suffix}")
    return names


def _id(event: Event) -> str:
    """The id of an event's document."""
    return str((event.document or {})["id"])
