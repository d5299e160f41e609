"""`twolane cost`: what a document took, and what that costs."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from infra.cli.client import Client, Json
from infra.cli.status import dump


def show_cost(client: Client, console: Console, document_id: str, *, as_json: bool) -> int:
    """Print the receipt of one document."""
    receipt = client.cost(document_id)
    if as_json:
        dump(receipt)
        return 0
    table = Table(show_header=False, box=None)
    for name, value in _facts(receipt):
        table.add_row(f"[dim]{name}[/]", value)
    console.print(table)
    return 0


def _facts(receipt: Json) -> list[tuple[str, str]]:
    """The lines of a receipt; what cost nothing is left out."""
    peak = receipt["peak_memory_mb"]
    dollars = {name: value for name, value in receipt["dollars"].items() if value and name != "total"}
    facts = [
        *((_origin(group), _taken(group)) for group in receipt["pages"]),
        *((f"calls of {engine}", str(count)) for engine, count in receipt["engine_calls"].items()),
        ("CPU", f"{receipt['cpu_seconds']:.2f} seconds"),
        ("memory", "" if peak is None else f"{peak:.0f} MiB at most"),
        *((f"for {name}", f"${value:.6f}") for name, value in dollars.items()),
        ("in all", f"${receipt['dollars']['total']:.6f}"),
        ("Textract", f"${receipt['textract_dollars']:.6f}"),
    ]
    return [(name, value) for name, value in facts if value]


def _taken(group: Json) -> str:
    return f"{group['pages']} pages, {group['cpu_seconds']:.2f} CPU seconds"


def _origin(group: Json) -> str:
    where = f"read by {group['engine']}" if group["source"] == "ocr" else "text layer"
    return f"{where}, reused" if group["reused"] else where
