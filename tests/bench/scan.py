"""Pages a minute of a scanned PDF through the HTTP API with two workers, beside OCRmyPDF with two jobs."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from infra.local.layout import PROJECT
from infra.samples import scanned_pdf
from tests.bench.bench import Bench
from tests.bench.figures import Line, Target, alternate, median

PAGES = 12
JOBS = 2
OCRMYPDF = PROJECT / ".tools/bench/bin/ocrmypdf"


def measure(bench: Bench) -> list[Line]:
    """Read the same 300-dpi scan by both, all pages recognised, English."""
    body = scanned_pdf(PAGES)
    source = bench.scratch / "scan.pdf"
    source.write_bytes(body)
    with bench.stack(workers=JOBS) as api:
        api.seconds("warm-up.pdf", body)
        _ocrmypdf(source)
        ours, theirs = alternate(
            bench.rounds, lambda: api.seconds("scan.pdf", body), lambda: _ocrmypdf(source), say=bench.say
        )
    return [
        Line(f"{PAGES} scanned pages, 300 dpi, {JOBS} workers, POST to completed", _rate(ours), "pages/m"),
        Line(f"the same by ocrmypdf --jobs {JOBS} -O0 --output-type pdf", _rate(theirs), "pages/m"),
        Line("ours / ocrmypdf", _rate(ours) / _rate(theirs), "x", Target(1.0)),
    ]


def _rate(seconds: list[float]) -> float:
    return PAGES * 60 / median(seconds)


def _ocrmypdf(source: Path) -> float:
    """Return the seconds of one run of OCRmyPDF, start-up included, as it has no other way to run."""
    command = [str(OCRMYPDF), "--quiet", "--jobs", str(JOBS), "-O0", "--output-type", "pdf", "--language", "eng"]
    began = time.perf_counter()
    subprocess.run([*command, str(source), os.devnull], check=True, capture_output=True)
    return time.perf_counter() - began
