"""The API's import from its zip, beside the least application on the same wheels; and what a snapshot saves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra import zips
from tests.bench.bench import Bench
from tests.bench.figures import Line, Target, alternate, median

TIMES = 15
"""Imports are short, and the machine is never quiet."""

WIRED = """
from functions.api.handler import snapshot
snapshot.load()
"""
"""The import, and everything that is otherwise loaded with the first requests."""

TABLES = zips.BARE + "import sqlalchemy.orm\n"


def measure(bench: Bench) -> list[Line]:
    """Build the API's zip for this machine and interpreter, and import it in fresh processes."""
    api = _build(bench.scratch / "zips" / zips.API)

    def milliseconds(code: str | None = None) -> float:
        return api.imported(sys.executable, code)[0] * 1000

    milliseconds()
    ours, bare, tables, wired = alternate(
        max(TIMES, bench.rounds),
        milliseconds,
        lambda: milliseconds(zips.BARE),
        lambda: milliseconds(TABLES),
        lambda: milliseconds(WIRED),
        say=bench.say,
    )
    ratio = median([mine / theirs for mine, theirs in zip(ours, bare, strict=True)])
    return [
        Line("the API's zip, unpacked, bytecode included", api.megabytes, "MB", Target(zips.API_MB, at_most=True)),
        Line("import of the API", median(ours), "ms"),
        Line("bare FastAPI, Mangum and SQLAlchemy, same wheels", median(bare), "ms"),
        Line("ours / bare", ratio, "x", Target(zips.API_RATIO, at_most=True)),
        Line("bare, with SQLAlchemy's ORM", median(tables), "ms"),
        Line("import of the API, and all that its first requests load", median(wired), "ms"),
    ]


def _build(directory: Path) -> zips.Zip:
    directory.mkdir(parents=True)
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(".tools/uv/bin/uv").absolute())
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = {"ARTIFACTS_DIR": str(directory), "PYTHON_VERSION": version, "PYTHON_PLATFORM": "", "UV": uv}
    command = ["make", "--silent", "--file", "infra/lambda/Makefile", f"build-{zips.API}"]
    subprocess.run(command, check=True, env={**os.environ, **environment}, stdout=sys.stderr)
    return zips.Zip(zips.API, directory)
