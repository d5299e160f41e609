"""What the service adds to the engine: one page from POST to `completed`, less the engine's own time."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from infra import samples
from tests.bench.bench import Api, Bench
from tests.bench.figures import Line, Target, alternate, median

TIMES = 20
LIMIT = Target(250, at_most=True)
SAMPLE = "letter-scan.png"


def measure(bench: Bench) -> list[Line]:
    """Measure a small clean image and a scanned letter."""
    small = bench.scratch / "small.png"
    _draw(small)
    with bench.stack(workers=2) as api:
        for _ in range(3):
            api.seconds(small.name, small.read_bytes())
        return [*_page(bench, api, "small image", small), *_page(bench, api, "scanned letter", samples.path(SAMPLE))]


def _page(bench: Bench, api: Api, what: str, path: Path) -> list[Line]:
    """Measure one image `TIMES` times, each time beside bare tesseract on the same file."""
    body = path.read_bytes()
    engine: list[float] = []

    def ours() -> float:
        began = time.perf_counter()
        document = api.finished(api.submit(path.name, body))
        taken = (time.perf_counter() - began) * 1000
        engine.append(api.pages(document["id"])[0]["duration_ms"])
        return taken

    total, bare = alternate(max(TIMES, bench.rounds), ours, lambda: _tesseract(path), say=bench.say)
    beyond_page = median([whole - page for whole, page in zip(total, engine, strict=True)])
    beyond_bare = median([whole - alone for whole, alone in zip(total, bare, strict=True)])
    return [
        Line(f"{what}: POST to completed", median(total), "ms"),
        Line(f"{what}: the page's duration_ms", median(engine), "ms"),
        Line(f"{what}: bare tesseract, same file, TSV", median(bare), "ms"),
        Line(f"{what}: added to the page's duration_ms", beyond_page, "ms", LIMIT),
        Line(f"{what}: added to bare tesseract", beyond_bare, "ms", LIMIT),
    ]


def _tesseract(path: Path) -> float:
    """Return the milliseconds of one run, with the one thread a worker gives it."""
    command = ["tesseract", str(path), "-", "-l", "eng", "-c", "tessedit_create_tsv=1"]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_THREAD_LIMIT": "1"})
    return (time.perf_counter() - began) * 1000


def _draw(path: Path) -> None:
    """Write a line of black text on white: what tesseract reads fastest."""
    image = Image.new("L", (900, 160), 255)
    font = ImageFont.load_default(48)
    ImageDraw.Draw(image).text((40, 50), "Invoice 2025-1187, paid in full", 0, font)
    image.save(path, dpi=(300, 300))
