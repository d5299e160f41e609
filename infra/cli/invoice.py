"""`twolane invoice`: send invoices and receipts, show the fields that were found in them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.cli.client import ApiError, Client, Json, Options
from infra.cli.ocr import has_result
from infra.cli.progress import board
from infra.cli.reading import Event, Job, follow

INTERRUPTED = 130


class Invoices:
    """One run of the command.

    Args:
        client: the API.
        out: standard output, for tables.
        console: standard error.
        as_json: one JSON object a line instead of tables.
    """

    def __init__(self, client: Client, out: Console, console: Console, *, as_json: bool) -> None:
        self._client = client
        self._out = out
        self._console = console
        self._as_json = as_json
        self._latest: dict[int, Event] = {}

    def run(self, files: Sequence[Path], options: Options) -> int:
        """Read `files` and show their fields; the exit code is 0 only if the fields of every file were looked for."""
        jobs = [Job(number, file, {**options, "extract": "invoice"}) for number, file in enumerate(files)]
        try:
            with board(self._console, jobs) as shown:
                for event in follow(self._client, jobs, wait=shown.wait):
                    self._latest[event.job.number] = event
                    shown.show(event)
            shown_all = [self._show(event) for _, event in sorted(self._latest.items())]
        except KeyboardInterrupt:
            self._console.print("What was sent goes on; the same `twolane invoice` fetches the fields.")
            return INTERRUPTED
        return 0 if all(shown_all) else 1

    def _show(self, event: Event) -> bool:
        """Print the fields of one file; tell whether there are any to print."""
        if not has_result(event):
            return False
        name = event.job.file.name
        document = event.document or {}
        try:
            found = self._client.invoice(str(document["id"]))
        except ApiError as error:
            self._console.print(f"[red]{escape(name)}: {escape(str(error))}[/]", soft_wrap=True)
            return False
        if (failure := found["error"]) is not None:
            said = f"{escape(failure['message'])} ({failure['code']})"
            self._console.print(f"[red]{escape(name)}: {said}[/]", soft_wrap=True)
            return False
        if self._as_json:
            sys.stdout.write(json.dumps({"file": name, "document_id": document["id"], **found}) + "\n")
        else:
            self._print(name, found)
        return event.completed

    def _print(self, name: str, found: Json) -> None:
        """Print a small table, and another for what was sold."""
        fields = found["fields"]
        table = Table(title=escape(f"{name} ({found['extractor']})"), title_justify="left")
        for column in ("field", "value", "sure", "page"):
            table.add_column(column)
        for field, said in fields.items():
            if field != "lines" and said is not None:
                page = "" if said["page"] is None else str(said["page"])
                table.add_row(field, escape(said["value"]), f"{said['confidence']:.0%}", page)
        self._out.print(table)
        if fields["lines"]:
            self._out.print(_lines(fields["lines"]))
        if fallback := found["fallback"]:
            self._console.print(f"{escape(name)}: {escape(fallback['message'])} ({fallback['code']})", soft_wrap=True)


def _lines(lines: Sequence[Json]) -> Table:
    table = Table()
    names = ("description", "quantity", "unit_price", "amount")
    for name in names:
        table.add_column(name, justify="left" if name == "description" else "right")
    for line in lines:
        table.add_row(*(escape(line[name]["value"]) if line[name] else "" for name in names))
    return table
