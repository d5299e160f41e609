"""Stand-ins for the tesseract program, as `TESSERACT_CMD`: they count, fail, or kill."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

PREAMBLE = """#!{python}
import os, sys
reads = not any(argument in sys.argv for argument in ("--version", "--list-langs"))
if reads:
    with open({calls!r}, "a") as calls:
        calls.write("read\\n")
"""
GO_ON = 'os.execv({tesseract!r}, ["tesseract", *sys.argv[1:]])\n'
FAIL = 'if reads:\n    sys.exit("The glyphs are on fire.")\n'
HANG = "if reads:\n    import time\n    time.sleep(600)\n"
KILL = """if reads:
    import psutil, time
    reader, fork_server, child, *_ = psutil.Process().parents()
    child.kill()
    time.sleep(60)
"""


class EngineScript:
    """A program that behaves like tesseract, except where it reads a page.

    Args:
        directory: where it is written.
        behaviour: what happens before a page is read.
    """

    def __init__(self, directory: Path, behaviour: str = "") -> None:
        self._calls = directory / "engine-calls"
        self.path = directory / "tesseract-stand-in"
        script = (PREAMBLE + behaviour + GO_ON).format(
            python=sys.executable, calls=str(self._calls), tesseract=shutil.which("tesseract")
        )
        self.path.write_text(script)
        self.path.chmod(0o755)

    @property
    def calls(self) -> int:
        """How many pages it was asked to read."""
        return len(self._calls.read_text().splitlines()) if self._calls.exists() else 0
