"""`twolane status`: is the stack healthy, what has it read lately, how is one document doing."""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.cli.client import ApiError, Client, Json
from infra.cli.progress import pages

_COUNTED = 200
_SHOWN = 15
_CHECKS = ("api", "database", "storage", "broker", "workers")
_COLOURS = {"completed": "green", "partial": "yellow", "failed": "red", "cancelled": "dim"}


def health(client: Client) -> dict[str, str]:
    """Each check and what it found: `ok`, or what is wrong.

    Raises:
        ApiError: the API does not answer at all.
    """
    client.health("live")
    with ThreadPoolExecutor() as pool:
        ready, celery = pool.map(lambda name: _answer(client, name), ("ready", "celery"))
    checks = dict.fromkeys(_CHECKS, "ok") | _failing(ready, "api")
    about_workers = _failing(celery, "workers")
    if about_workers and "workers" not in about_workers:
        # Workers are asked through the broker: without it nothing is known of them.
        about_workers["workers"] = "unknown"
    return checks | about_workers


def _answer(client: Client, name: str) -> Json:
    """What a check answers; no answer is one as well."""
    try:
        return client.health(name)
    except ApiError as error:
        return {"http_status": None, "detail": error.detail}


def _failing(answer: Json, otherwise: str) -> dict[str, str]:
    """The checks a health answer names as failing, with what is wrong; `otherwise` fails if it names none."""
    if answer["http_status"] == httpx.codes.OK:
        return {}
    named = {str(error["field"]): str(error["message"]) for error in answer.get("errors") or []}
    return named or {otherwise: str(answer.get("detail") or f"answers {answer['http_status']}")}


def show_stack(client: Client, console: Console, *, as_json: bool) -> int:
    """Print health and the latest documents; the exit code is 1 if a check fails."""
    try:
        checks = health(client)
    except ApiError as error:
        checks = {"api": error.detail}
    healthy = all(found == "ok" for found in checks.values())
    documents = client.documents(_COUNTED) if checks["api"] == "ok" == checks.get("database") else []
    counts = Counter(str(document["status"]) for document in documents)
    if as_json:
        dump({"url": client.url, "healthy": healthy, "checks": checks, "documents": {"latest": _COUNTED, **counts}})
    else:
        console.print(client.url, style="bold", soft_wrap=True)
        console.print(_health_table(checks))
        _print_documents(console, documents, counts)
    return 0 if healthy else 1


def show_document(client: Client, console: Console, document_id: str, *, as_json: bool) -> int:
    """Print one document; the exit code is 1 if it failed."""
    document = client.document(document_id)
    if as_json:
        dump(document)
    else:
        table = Table(show_header=False, box=None)
        for name, value in _facts(document):
            table.add_row(f"[dim]{name}[/]", value)
        console.print(table)
    return 1 if document["status"] in {"failed", "partial", "cancelled"} else 0


def _facts(document: Json) -> list[tuple[str, str]]:
    """What is worth knowing about one document, as rich markup."""
    done, total = pages(document)
    problem = document.get("error")
    confidence = document.get("confidence")
    facts = {
        "document": document["id"],
        "file": escape(document["filename"]),
        "status": _coloured(document["status"]),
        "pages": f"{done} of {total}" if total else None,
        "engine": document.get("engine"),
        "languages": document.get("languages"),
        "text from": str(document.get("text_source") or "").replace("_", " ") or None,
        "confidence": None if confidence is None else f"{confidence:.0%}",
        "error": problem and f"[red]{escape(problem['message'])} ({escape(problem['code'])})[/]",
        "sent": local_time(document.get("created_at")),
        "finished": local_time(document.get("completed_at")),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _health_table(checks: dict[str, str]) -> Table:
    """A row a check."""
    table = Table(show_header=False, box=None)
    for name, found in checks.items():
        table.add_row(name, f"[green]{found}[/]" if found == "ok" else f"[red]{escape(found)}[/]")
    return table


def _print_documents(console: Console, documents: list[Json], counts: Counter[str]) -> None:
    """How many there are by status, and the latest."""
    if not documents:
        console.print("No documents yet.")
        return
    scope = f"the latest {_COUNTED} documents" if len(documents) == _COUNTED else "documents"
    console.print(f"{scope}: " + ", ".join(f"{count} {_coloured(name)}" for name, count in counts.most_common()))
    table = Table(box=None)
    # A shortened id is of no use to anybody.
    table.add_column("id", no_wrap=True, min_width=36)
    table.add_column("file", overflow="fold")
    for name in ("status", "pages", "sent"):
        table.add_column(name, no_wrap=True)
    for document in documents[:_SHOWN]:
        done, total = pages(document)
        counted = f"{done}/{total}" if total else ""
        sent = local_time(document.get("created_at"))[5:16]
        name = escape(document["filename"])
        table.add_row(document["id"], name, _coloured(document["status"]), counted, sent)
    console.print(table)


def _coloured(status: str) -> str:
    """A status as rich markup."""
    word = status.replace("_", " ")
    return f"[{_COLOURS[status]}]{word}[/]" if status in _COLOURS else word


def local_time(stamp: str | None) -> str:
    """An RFC 3339 time as the clock on the wall shows it."""
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S") if stamp else ""


def dump(value: Json) -> None:
    """Print JSON on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
