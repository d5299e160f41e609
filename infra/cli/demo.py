"""`twolane demo`: the samples through the real API and workers, on a stack that lives as long as the demo."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra import samples
from infra.cli.client import ApiError, Client, Json, Options
from infra.cli.ocr import has_result
from infra.cli.progress import board, ending
from infra.cli.reading import Event, Job, follow
from infra.local.stack import running_stack
from shared.errors import TwolaneError

# A photo is read better once its light is even and its lines are level.
_OPTIONS: dict[str, Options] = {"receipt-photo.jpg": {"clean": True, "deskew": True}}
# What tesseract 5.3 finds lies well above; less means that something is broken.
_LEAST_RECALL = {"receipt-photo.jpg": 0.85}
_LEAST_RECALL_OF_SCANS = 0.93
_NEXT = """Go on with
  [bold]make up[/]                                       the stack, to stay
  [bold]uv run twolane ocr FILE...[/]                    your own documents
  [bold]uv run twolane ocr --format json FILE...[/]      with words, boxes and confidence"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: `pages` as in the JSON result, empty if there is none; `problem` if it failed."""

    name: str
    document: Json
    pages: list[Json]
    problem: str | None

    @property
    def text(self) -> str:
        """The text of all pages."""
        return "\f".join(page["text"] or "" for page in self.pages)

    @property
    def recall(self) -> float:
        """The share (0-1) of the sample's words that were found."""
        return samples.word_recall(samples.expected_text(self.name), self.text)

    @property
    def passed(self) -> bool:
        """Whether it was read as well as it should be."""
        return self.problem is None and self.recall >= _LEAST_RECALL.get(self.name, _LEAST_RECALL_OF_SCANS)

    @property
    def source(self) -> str:
        """Where the text comes from: `ocr`, `text layer`, or how many pages of each."""
        counts = Counter(str(page["source"] or "nothing").replace("_", " ") for page in self.pages)
        if len(counts) == 1:
            return next(iter(counts))
        return ", ".join(f"{count} {source}" for source, count in sorted(counts.items()))

    @property
    def confidence(self) -> str:
        """The engine's own estimate, where an engine was asked."""
        value = self.document.get("confidence")
        return "-" if value is None else f"{value:.0%}"

    @property
    def seconds(self) -> str:
        """From the moment a worker took it until it was done."""
        begun, done = self.document.get("started_at"), self.document.get("completed_at")
        if not begun or not done:
            return "-"
        return f"{(datetime.fromisoformat(done) - datetime.fromisoformat(begun)).total_seconds():.1f}"


def run(console: Console, workers: int) -> int:
    """Run the demo; the exit code is 1 if a sample can't be read, or not well."""
    console.print(f"Starting the stack: AWS emulator, Redis, API, {workers} worker(s) ...")
    with tempfile.TemporaryDirectory(prefix="twolane-demo-") as directory:
        try:
            with running_stack(port=0, data_dir=Path(directory), workers=workers) as stack:
                console.print(f"The API is at {stack.url}. Reading {len(samples.NAMES)} samples ...")
                with Client(stack.url, stack.admin_key) as client:
                    outcomes = read_samples(client, console)
        except (TwolaneError, ApiError) as error:
            console.print(Text(str(error), style="red"), soft_wrap=True)
            return 1
    return show(console, outcomes)


def read_samples(client: Client, console: Console) -> list[Outcome]:
    """Read every sample, in the order of `samples.NAMES`."""
    jobs = [Job(number, samples.path(name), _OPTIONS.get(name, {})) for number, name in enumerate(samples.NAMES)]
    last: dict[int, Event] = {}
    with board(console, jobs) as shown:
        for event in follow(client, jobs, wait=shown.wait):
            shown.show(event)
            last[event.job.number] = event
    return [_outcome(client, last[number]) for number in range(len(jobs))]


def _outcome(client: Client, event: Event) -> Outcome:
    """Fetch what was read of one sample."""
    pages: list[Json] = []
    if has_result(event):
        with client.result(str((event.document or {})["id"]), "json") as chunks:
            pages = json.loads(b"".join(chunks))["pages"]
    problem = None if event.completed else Text.from_markup(ending(event)).plain
    return Outcome(event.job.file.name, event.document or {}, pages, problem)


def show(console: Console, outcomes: list[Outcome]) -> int:
    """Print every text, then a table of all."""
    for outcome in outcomes:
        console.print(_panel(outcome))
    console.print(_summary(outcomes))
    passed = all(outcome.passed for outcome in outcomes)
    console.print(_NEXT if passed else "[red]Some samples were not read as they should be.[/]", highlight=False)
    return 0 if passed else 1


def _panel(outcome: Outcome) -> Panel:
    """One text, and how it was come by."""
    body = Text(outcome.problem, style="red") if outcome.problem else Text()
    for page in outcome.pages:
        if len(outcome.pages) > 1:
            origin = str(page["source"] or "nothing").replace("_", " ")
            body.append(f"- page {page['number']}, {origin} -\n", style="dim")
        body.append((page["text"] or "").strip() + "\n")
    facts = f"{len(outcome.pages)} page(s), {outcome.source}, confidence {outcome.confidence}, {outcome.seconds} s"
    return Panel(body, title=outcome.name, subtitle=facts, border_style="green" if outcome.passed else "red")


def _summary(outcomes: list[Outcome]) -> Table:
    """A row a sample."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("file", no_wrap=True)
    for column in ("pages", "words found", "confidence", "seconds"):
        table.add_column(column, justify="right")
    table.add_column("text from")
    for outcome in outcomes:
        found = f"{outcome.recall:.1%}"
        table.add_row(
            outcome.name,
            str(len(outcome.pages)),
            found if outcome.passed else f"[red]{found}[/]",
            outcome.confidence,
            outcome.seconds,
            outcome.source,
        )
    return table
