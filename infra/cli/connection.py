"""Which API the client commands speak to: the one the environment names, else the running local stack."""

from __future__ import annotations

import os
from pathlib import Path

from infra.cli.client import Client

DATA_DIR = Path(".twolane")


class NotConnectedError(Exception):
    """There is no API to speak to, or no key for it; the message says what to do."""


def connect(data_dir: Path) -> Client:
    """A client for `TWOLANE_URL` with `TWOLANE_API_KEY`, or for the stack running on `data_dir`.

    Raises:
        NotConnectedError: neither is there, or a key is missing, or the URL is none.
    """
    url = os.environ.get("TWOLANE_URL") or _local_url(data_dir)
    key = os.environ.get("TWOLANE_API_KEY")
    if not url.startswith(("http://", "https://")):
        raise NotConnectedError(f"TWOLANE_URL must start with http:// or https://, and is {url!r}.")
    if not key and os.environ.get("TWOLANE_URL"):
        raise NotConnectedError("TWOLANE_URL is set but TWOLANE_API_KEY is not: set it to an API key of that server.")
    return Client(url, key or admin_key(data_dir))


def admin_key(data_dir: Path) -> str:
    """The admin key of the stack that runs on `data_dir`.

    Raises:
        NotConnectedError: there is no such file, or it is not ours to read.
    """
    file = data_dir / "admin.key"
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotConnectedError(f"No API key: {file} can't be read ({error.strerror}); set TWOLANE_API_KEY.") from error


def _local_url(data_dir: Path) -> str:
    """Where the local stack's API is."""
    from infra.local import state  # noqa: PLC0415 - with TWOLANE_URL set, no local stack is needed

    running = state.read(data_dir)
    if running is None:
        raise NotConnectedError(
            f"No stack is running on {data_dir}: start one with `twolane up`, "
            "or set TWOLANE_URL and TWOLANE_API_KEY to use another."
        )
    return running.url
