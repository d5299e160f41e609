"""`twolane mail`: what templates make, and what the local stack would have sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.cli.connection import DATA_DIR
from infra.cli.session import USAGE_ERROR, AsJson, DataDir

app = typer.Typer(no_args_is_help=True, help="Mails: previews of templates, and what the local stack kept.")


@app.command()
def preview(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A template; else all of them.")] = None,
    *,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; else DATA_DIR/mail-preview.")] = None,
    variables: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", exists=True, dir_okay=False, help="Its variables, instead of samples."),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Write one template or all as HTML and text, and a page that shows them; exit code 1 if a variable is missing."""
    from infra.cli.mail_preview import PreviewError, write  # noqa: PLC0415 - only this command needs templates

    if variables is not None and name is None:
        _fail("--variables are those of one template; name it before.", USAGE_ERROR)
    try:
        index = write(name, output or data_dir / "mail-preview", variables)
    except PreviewError as error:
        _fail(str(error), 1)
    Console().print(Text(str(index)), soft_wrap=True)


@app.command("list")
def show_list(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the mails that the local stack kept, the newest first."""
    from infra.cli.kept_mail import kept_mails  # noqa: PLC0415 - only this command needs mails
    from infra.cli.status import dump, local_time  # noqa: PLC0415 - likewise

    mails = kept_mails(data_dir)[:limit]
    if as_json:
        dump({"items": [mail.as_json() for mail in mails]})
        return
    if not mails:
        Console().print(Text(f"No mails in {data_dir}."), soft_wrap=True)
        return
    table = Table("ID", "Time", "To", "Subject", "Attachments", box=None)
    for column in table.columns[:2]:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.overflow = "fold"
    for mail in mails:
        cells = (mail.id, local_time(mail.time.isoformat()), mail.to, mail.subject, ", ".join(mail.attachments))
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


@app.command()
def show(
    mail_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="As listed; else the newest.")] = None,
    *,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write its HTML there as well.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show one mail that the local stack kept."""
    from infra.cli.kept_mail import find  # noqa: PLC0415 - only this command needs mails
    from infra.cli.status import dump  # noqa: PLC0415 - likewise

    mail = find(data_dir, mail_id)
    if mail is None:
        _fail(f"There is no such mail in {data_dir}; `twolane mail list` shows those that are there.", 1)
    if html is not None:
        _write_html(mail.html, html)
    if as_json:
        dump({**mail.as_json(), "headers": dict(mail.headers), "text": mail.text, "html": mail.html})
        return
    table = Table(show_header=False, box=None)
    for name, value in (*mail.headers, *(("Attachment", attachment) for attachment in mail.attachments)):
        table.add_row(Text(name, style="dim"), Text(value))
    console = Console()
    console.print(table)
    console.print(Text(f"\n{mail.text.rstrip()}"), soft_wrap=True)


def _write_html(html: str | None, file: Path) -> None:
    if html is None:
        _fail("The mail has no HTML.", 1)
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as error:
        _fail(f"{file} cannot be written: {error.strerror}.", 1)


def _fail(sentence: str, code: int) -> NoReturn:
    Console(stderr=True).print(Text(sentence, style="red"), soft_wrap=True)
    raise typer.Exit(code)
