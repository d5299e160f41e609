"""A long born-digital PDF from POST to `completed`, beside the plain extraction of its text in one process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from infra.samples import born_digital_pdf
from tests.bench.bench import Bench
from tests.bench.figures import Line, Target, alternate, median

PAGES = 500


def measure(bench: Bench) -> list[Line]:
    """Both read every page; ours stores words with boxes, pages and outputs besides."""
    body = born_digital_pdf(PAGES)
    source = bench.scratch / "born-digital.pdf"
    source.write_bytes(body)
    whole: list[float] = []
    with bench.stack(workers=2) as api:
        api.seconds("warm-up.pdf", body)
        ours, plain = alternate(
            max(5, bench.rounds),  # seconds each, so that a few more cost little
            lambda: api.seconds("born-digital.pdf", body),
            lambda: _plain(source, whole),
            say=bench.say,
        )
    return [
        Line(f"{PAGES} born-digital pages, POST to completed", median(ours), "s"),
        Line("plain pypdfium2, text of every page, extraction alone", median(plain), "s"),
        Line("plain pypdfium2, the whole process", median(whole), "s"),
        Line("ours / plain extraction", median(ours) / median(plain), "x", Target(3.0, at_most=True)),
    ]


def _plain(source: Path, whole: list[float]) -> float:
    """Return the seconds that extraction took by its process' own clock; `whole` gets those of the process."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tests.bench.plain_text", str(source)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    whole.append(time.perf_counter() - began)
    return float(said)
