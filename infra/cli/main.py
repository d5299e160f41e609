"""`twolane`: run the stack on this machine, and use one here or elsewhere."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli import dlq, mail
from infra.cli.connection import DATA_DIR
from infra.cli.session import AsJson, DataDir, session

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="OCR on two lanes. All but up, demo and mail use TWOLANE_URL and TWOLANE_API_KEY, else the local stack.",
)
app.add_typer(dlq.app, name="dlq")
app.add_typer(mail.app, name="mail")

Workers = Annotated[int, typer.Option(min=1, show_default="one a CPU", help="Worker processes.")]
_CPUS = os.cpu_count() or 1


class Form(StrEnum):
    """What a result looks like."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HOCR = "hocr"
    ALTO = "alto"
    TSV = "tsv"
    PDF = "pdf"
    PDFA = "pdfa"


class TextLayer(StrEnum):
    """What to do with text a PDF already carries."""

    USE = "use"
    IGNORE = "ignore"


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the API listens; 0 takes any free port.")] = 8000,
    data_dir: DataDir = DATA_DIR,
    workers: Workers = _CPUS,
    *,
    reload: Annotated[bool, typer.Option("--reload", help="Start the API again when its source changes.")] = False,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="TWOLANE_DATABASE_URL",
            show_envvar=True,
            metavar="postgresql://...",
            help="A PostgreSQL to keep all state in, instead of a SQLite file in --data-dir.",
        ),
    ] = None,
) -> None:
    """Run the whole stack on this machine until Ctrl-C."""
    from infra.local import stack  # noqa: PLC0415 - client commands start faster without it

    raise typer.Exit(stack.up(port=port, data_dir=data_dir, workers=workers, reload=reload, database_url=database_url))


@app.command()
def ocr(  # noqa: PLR0913 - one parameter an option
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="PDFs and images.")],
    *,
    engine: Annotated[str | None, typer.Option(help="Which engine reads; the server chooses if not given.")] = None,
    languages: Annotated[str | None, typer.Option(help="Languages of the text, e.g. eng+deu.")] = None,
    pages: Annotated[str | None, typer.Option(help="Which pages, e.g. 1-3,7,9-.")] = None,
    text_layer: Annotated[TextLayer | None, typer.Option(help="Use or ignore text a PDF already carries.")] = None,
    password: Annotated[
        str | None,
        typer.Option(envvar="TWOLANE_PASSWORD", show_envvar=True, help="Opens an encrypted PDF; `-` asks for it."),
    ] = None,
    deskew: Annotated[bool | None, typer.Option(help="Turn pages that lie a few degrees askew.")] = None,
    rotate: Annotated[bool | None, typer.Option(help="Turn pages that lie on their side or head.")] = None,
    clean: Annotated[bool | None, typer.Option(help="Even out light and shadow first; for photos.")] = None,
    denoise: Annotated[bool | None, typer.Option(help="Remove specks and grain first; for faxes.")] = None,
    normalize: Annotated[bool | None, typer.Option(help="Bring the print to a good size first.")] = None,
    crop: Annotated[bool | None, typer.Option(help="Cut off what lies around the page first.")] = None,
    priority: Annotated[int | None, typer.Option(min=1, max=10, help="10 is read first.")] = None,
    form: Annotated[Form, typer.Option("--format", help="What a result looks like.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option(help="Write DIR/NAME.txt, .json, ... instead of printing.")] = None,
    data_dir: DataDir = DATA_DIR,
    force: Annotated[bool, typer.Option("--force", help="Read again what was read before.")] = False,
) -> None:
    """Read files and print what they say; exit code 0 only if every file was read completely."""
    from infra.cli.ocr import Reading  # noqa: PLC0415 - only this command needs it

    if output is None and form in {Form.PDF, Form.PDFA}:
        raise typer.BadParameter("a PDF is no text to print: name a directory", param_hint="--output")
    if password == "-":  # noqa: S105 - the sign for a prompt
        password = typer.prompt("Password", hide_input=True, err=True)
    given = {
        "engine": engine,
        "languages": languages,
        "pages": pages,
        "text_layer": text_layer and text_layer.value,
        "password": password,
        "deskew": deskew,
        "rotate": rotate,
        "clean": clean,
        "denoise": denoise,
        "normalize": normalize,
        "crop": crop,
        "priority": priority,
        "force": force or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    with session(data_dir) as client:
        raise typer.Exit(Reading(client, form.value, output, Console(stderr=True)).run(files, options))


@app.command()
def invoice(  # noqa: PLR0913 - one parameter an option
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Invoices and receipts: PDFs and images.")],
    *,
    engine: Annotated[str | None, typer.Option(help="Which engine reads; the server chooses if not given.")] = None,
    languages: Annotated[str | None, typer.Option(help="Languages of the text, e.g. eng+deu.")] = None,
    pages: Annotated[str | None, typer.Option(help="Which pages, e.g. 1-3,7,9-.")] = None,
    password: Annotated[
        str | None,
        typer.Option(envvar="TWOLANE_PASSWORD", show_envvar=True, help="Opens an encrypted PDF; `-` asks for it."),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Read invoices and receipts and show their fields; exit code 0 only if those of every file were looked for."""
    from infra.cli.invoice import Invoices  # noqa: PLC0415 - only this command needs it

    if password == "-":  # noqa: S105 - the sign for a prompt
        password = typer.prompt("Password", hide_input=True, err=True)
    given = {"engine": engine, "languages": languages, "pages": pages, "password": password}
    options = {name: value for name, value in given.items() if value is not None}
    with session(data_dir) as client:
        raise typer.Exit(Invoices(client, Console(), Console(stderr=True), as_json=as_json).run(files, options))


@app.command()
def status(
    document: Annotated[str | None, typer.Argument(metavar="[ID]", help="A document; else the whole stack.")] = None,
    data_dir: DataDir = DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Show whether the stack is healthy and what it read lately, or one document; exit code 1 if not well."""
    from infra.cli.status import show_document, show_stack  # noqa: PLC0415 - only this command needs it

    with session(data_dir) as client:
        if document:
            raise typer.Exit(show_document(client, Console(), document, as_json=as_json))
        raise typer.Exit(show_stack(client, Console(), as_json=as_json))


@app.command()
def cost(
    document: Annotated[str, typer.Argument(metavar="ID", help="A document.")],
    data_dir: DataDir = DATA_DIR,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what reading a document took and cost, beside what AWS Textract would have cost."""
    from infra.cli.cost import show_cost  # noqa: PLC0415 - only this command needs it

    with session(data_dir) as client:
        raise typer.Exit(show_cost(client, Console(), document, as_json=as_json))


@app.command()
def demo(workers: Workers = _CPUS) -> None:
    """Start a stack of its own, read the samples through it, show every text, and stop."""
    from infra.cli.demo import run  # noqa: PLC0415 - it brings the local stack along

    raise typer.Exit(run(Console(), workers))


if __name__ == "__main__":
    app()
