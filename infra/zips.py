"""What `make build` built: how large each function's zip is unpacked, and how long its import takes.

`python -m infra.zips BUILD_DIR [INTERPRETER]` prints a table. Without an interpreter of the zips' Python version, or
where they were built for another kind of machine, no import is timed.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000

API = "ApiFunction"
API_MB = 60
"""What the API's zip may have, unpacked, bytecode included; Lambda takes 250."""

API_RATIO = 1.25
"""The API's import beside that of `BARE`: what the frameworks take, and a quarter for us."""

BARE = """
from fastapi import FastAPI
from mangum import Mangum
from sqlalchemy import create_engine
app = FastAPI()
@app.get("/")
def root() -> dict[str, str]: return {}
handler = Mangum(app, lifespan="off")
"""
"""The least application on the same libraries."""

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DOCUMENTS_BUCKET": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "POWERTOOLS_SERVICE_NAME": "none",
}
"""Settings enough to be imported; nothing connects."""

TIMES = 5

_TIME_IT = """
import json, sys, time
sys.path.insert(0, {site!r})
code = compile({code!r}, "imported", "exec")
began = time.perf_counter()
exec(code, {{"__name__": "imported"}})
print(json.dumps([time.perf_counter() - began, sorted(sys.modules)]))
"""


@dataclass(frozen=True, slots=True)
class Zip:
    """One function's zip, unpacked.

    Attributes:
        name: logical id in the template.
        path: the directory `sam build` left.
    """

    name: str
    path: Path

    @property
    def megabytes(self) -> float:
        """The size of all its files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file()) / MB

    @property
    def handler(self) -> str:
        """The module Lambda imports."""
        (found,) = self.path.glob("functions/*/handler.py")
        return f"functions.{found.parent.name}.handler"

    @property
    def precompiled(self) -> bool:
        """Whether it holds bytecode."""
        return any(self.path.glob("shared/__pycache__/*.pyc"))

    @property
    def runs_here(self) -> bool:
        """Whether its binaries were built for this kind of machine."""
        return any(self.path.rglob(f"*-{platform.machine()}-linux-*.so"))

    def imported(self, interpreter: str, code: str | None = None) -> tuple[float, list[str]]:
        """Import its handler, or run other code on its libraries, in a fresh process.

        Returns:
            The seconds it took and the names of the modules loaded at the end.

        Raises:
            subprocess.CalledProcessError: it can't be imported; `stderr` says why.
        """
        program = _TIME_IT.format(site=str(self.path), code=code or f"import {self.handler}")
        # -I: neither this project's directory nor the user's own packages stand in for what a zip lacks.
        command = [interpreter, "-I", "-c", program]
        environment = {**os.environ, **ENVIRONMENT}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603  # ours
        seconds, modules = json.loads(done.stdout.splitlines()[-1])
        return float(seconds), list(modules)


def built(directory: Path) -> list[Zip]:
    """The zips of a build directory, by name."""
    return [Zip(path.name, path) for path in sorted(directory.iterdir()) if path.name.endswith("Function")]


def main(arguments: Sequence[str]) -> int:
    """Print the table; the exit code is 1 if the API's zip is larger than it may be, or one can't be imported."""
    zips = built(Path(arguments[0]))
    interpreter = arguments[1] if len(arguments) > 1 else ""
    sys.stdout.write(f"{'function':<24}{'unzipped':>12}{'import':>12}\n")
    for one in zips:
        try:
            timed = _timed(one, interpreter)
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"{one.name} can't be imported:\n{error.stderr}")
            return 1
        sys.stdout.write(f"{one.name:<24}{one.megabytes:>9.1f} MB{timed}{_targets(one)}\n")
    return int(any(one.name == API and one.megabytes > API_MB for one in zips))


def _timed(one: Zip, interpreter: str) -> str:
    if not interpreter or not one.runs_here:
        return f"{'-':>12}"
    ours, bare = zip(*((one.imported(interpreter)[0], _bare(one, interpreter)) for _ in range(TIMES)), strict=True)
    beside = f", {statistics.median(ours) / statistics.median(bare):.2f} x bare" if one.name == API else ""
    return f"{statistics.median(ours) * 1000:>9.0f} ms{beside}"


def _bare(one: Zip, interpreter: str) -> float:
    """The seconds of the least application, measured beside the API's, which alone has its libraries."""
    return one.imported(interpreter, BARE)[0] if one.name == API else 0.0


def _targets(one: Zip) -> str:
    return f"  (at most {API_MB} MB, {API_RATIO:g} x FastAPI + Mangum + SQLAlchemy)" if one.name == API else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
