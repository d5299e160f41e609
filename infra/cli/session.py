"""What every client command begins with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from infra.cli.client import ApiError, Client
from infra.cli.connection import NotConnectedError, connect

USAGE_ERROR = 2

DataDir = Annotated[Path, typer.Option(envvar="TWOLANE_DATA_DIR", help="What the local stack keeps.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@contextmanager
def session(data_dir: Path) -> Iterator[Client]:
    """A client; what it can't do ends the command with one sentence."""
    console = Console(stderr=True)
    try:
        with connect(data_dir) as client:
            yield client
    except NotConnectedError as error:
        console.print(escape(str(error)), style="red", soft_wrap=True)
        raise typer.Exit(USAGE_ERROR) from error
    except ApiError as error:
        console.print(escape(str(error)), style="red", soft_wrap=True)
        raise typer.Exit(1) from error
