"""`twolane dlq`: what was given up, on both lanes; looked at, put back, settled."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.cli.client import ApiError, Client, Json
from infra.cli.connection import DATA_DIR
from infra.cli.session import USAGE_ERROR, AsJson, DataDir, session
from infra.cli.status import dump, local_time

app = typer.Typer(no_args_is_help=True, help="Dead letters: work of both lanes that was given up.")

Lane = Annotated[str | None, typer.Option(help="light or heavy.")]
Queue = Annotated[str | None, typer.Option(help="e.g. email, webhook, ocr.")]
Code = Annotated[str | None, typer.Option(help="The code of the error, e.g. provider_unavailable.")]
Id = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As listed.")]


@app.command("list")
def show_list(  # noqa: PLR0913  # one parameter an option
    lane: Lane = None,
    queue: Queue = None,
    code: Code = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Settled ones as well.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List those that are open, the newest failure first."""
    which = _given(lane=lane, queue=queue, code=code, resolved=None if everything else "false")
    with session(data_dir) as client:
        letters = client.dead_letters(limit, **which)
    if as_json:
        dump({"items": letters})
    elif letters:
        Console().print(_table(letters))
    else:
        Console().print("No dead letters.")


@app.command()
def show(letter: Id, data_dir: DataDir = DATA_DIR, *, as_json: AsJson = False) -> None:
    """Show one with its payload and traceback."""
    with session(data_dir) as client:
        found = client.dead_letter(str(letter))
    if as_json:
        dump(found)
        return
    table = Table(show_header=False, box=None)
    for name, value in _facts(found):
        table.add_row(f"[dim]{name}[/]", value)
    Console().print(table)


@app.command()
def requeue(  # noqa: PLR0913  # one parameter an option
    letters: Annotated[list[uuid.UUID] | None, typer.Argument(metavar="[ID]...", help="As listed.")] = None,
    lane: Lane = None,
    queue: Queue = None,
    code: Code = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every one that is open.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Put back to their lanes those named, or those open ones that fit; exit code 1 if one can't be put back."""
    which = _given(lane=lane, queue=queue, code=code)
    if bool(letters) == bool(which or everything):
        Console(stderr=True).print("Name dead letters, or say which: --lane, --queue, --code, or --all.", style="red")
        raise typer.Exit(USAGE_ERROR)
    with session(data_dir) as client:
        done = _requeue_each(client, letters) if letters else _requeue_all(client, which)
    if as_json:
        dump(done)
    else:
        refused = f", {done['refused']} can't be put back" if done["refused"] else ""
        Console().print(f"{done['requeued']} put back{refused}.")
    raise typer.Exit(1 if done["refused"] else 0)


@app.command()
def resolve(
    letter: Id,
    note: Annotated[str, typer.Option(help="Why; for whoever looks later.")] = "",
    data_dir: DataDir = DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Settle one that need not be done."""
    with session(data_dir) as client:
        settled = client.resolve(str(letter), note)
    if as_json:
        dump(settled)
    else:
        Console().print(f"{letter} is settled.")


def _requeue_each(client: Client, letters: Sequence[uuid.UUID]) -> Json:
    """Put back one after the other; what can't be is said, and the others go on."""
    refused = 0
    for letter in letters:
        try:
            client.requeue(str(letter))
        except ApiError as error:
            if error.status is None:
                raise
            refused += 1
            Console(stderr=True).print(f"{letter}: {_plain(error.detail)}", style="red", soft_wrap=True)
    return {"requeued": len(letters) - refused, "refused": refused}


def _requeue_all(client: Client, which: dict[str, str]) -> Json:
    """Ask again while something is left and something moves."""
    requeued = 0
    while True:
        done = client.requeue_all(**which)
        requeued += done["requeued"]
        if not (done["remaining"] and done["requeued"]):
            return {"requeued": requeued, "refused": done["refused"]}


def _given(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _plain(text: str) -> str:
    """What others sent, as a terminal may show it: neither markup nor what moves the cursor."""
    return escape(
        "".join(sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)
    )


def _table(letters: Sequence[Json]) -> Table:
    table = Table(box=None)
    # A shortened id is of no use to anybody.
    table.add_column("id", no_wrap=True, min_width=36)
    for name in ("lane", "name", "failed", "error"):
        table.add_column(name, no_wrap=name != "error", overflow="fold")
    for letter in letters:
        state = f" [dim]({letter['resolution']})[/]" if letter["resolution"] else ""
        error = f"[red]{_plain(letter['error']['code'])}[/] {_plain(letter['error']['message'])}{state}"
        failed = local_time(letter["last_failed_at"])[5:16]
        table.add_row(letter["id"], letter["lane"], _plain(letter["name"]), failed, error)
    return table


def _facts(letter: Json) -> list[tuple[str, str]]:
    """What is worth knowing of one dead letter, as rich markup."""
    error = letter["error"]
    facts = {
        "dead letter": letter["id"],
        "lane": f"{letter['lane']}, queue {_plain(letter['queue'])}",
        "name": _plain(letter["name"]),
        "document": letter["document_id"],
        "error": f"[red]{_plain(error['message'])} ({_plain(error['code'])})[/]",
        "attempts": letter["attempts"],
        "failed": f"{local_time(letter['first_failed_at'])} to {local_time(letter['last_failed_at'])}",
        "request": letter["correlation_id"] and _plain(letter["correlation_id"]),
        "settled": letter["resolution"] and f"{letter['resolution']} {local_time(letter['resolved_at'])}",
        "note": letter["note"] and _plain(letter["note"]),
        "payload": "\n".join(f"{_plain(str(name))}: {_plain(str(value))}" for name, value in letter["payload"].items()),
        "traceback": letter["traceback"] and _plain(letter["traceback"]),
    }
    return [(name, str(value)) for name, value in facts.items() if value]
