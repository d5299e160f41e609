"""A stand-in for the tesseract program inside a container: slower, and counting."""

from __future__ import annotations

from pathlib import Path

INSIDE = "/engine"

SCRIPT = """#!/bin/sh
case "$*" in
  *--version* | *--list-langs*) ;;
  *) echo read >> {inside}/calls; sleep {seconds} ;;
esac
exec tesseract "$@"
"""


class SlowEngine:
    """A directory to be mounted at `INSIDE`, with `TESSERACT_CMD` in it.

    Args:
        directory: where it is written; the container's user writes there too.
        seconds: how much longer a page takes.
    """

    def __init__(self, directory: Path, seconds: float) -> None:
        self.directory = directory
        self._calls = directory / "calls"
        directory.mkdir()
        directory.chmod(0o777)
        script = directory / "tesseract"
        script.write_text(SCRIPT.format(inside=INSIDE, seconds=seconds))
        script.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """What makes workers use it."""
        return {"TESSERACT_CMD": f"{INSIDE}/tesseract"}

    @property
    def calls(self) -> int:
        """How many pages it was asked to read."""
        return len(self._calls.read_text().splitlines()) if self._calls.exists() else 0
