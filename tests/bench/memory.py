"""The most memory a worker takes for a long scan, beside a short one of the same pages."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from tests.bench.bench import Api, Bench
from tests.bench.figures import Line, Target, alternate, median

SHORT, LONG = 10, 300
DPI = 100
EVERY_SECONDS = 0.02
A6_POINTS = (298, 420)


def measure(bench: Bench) -> list[Line]:
    """Read both by real tesseract, each time with a worker of its own.

    Memory is PSS (what is shared counts by parts) summed over the worker's whole tree: Celery's parent and child, the
    process readers are forked from, the reader and the engine.
    """
    short, long = _scan(SHORT), _scan(LONG)
    with bench.stack(workers=0) as api:
        few, many = alternate(
            bench.rounds,
            lambda: _peak(bench, api, short),
            lambda: _peak(bench, api, long),
            say=bench.say,
        )
    return [
        Line(f"peak of a worker on {SHORT} scanned pages, PSS of its process tree", median(few), "MB"),
        Line(f"peak of a worker on {LONG} of the same pages", median(many), "MB"),
        Line(f"{LONG} pages / {SHORT} pages", median(many) / median(few), "x", Target(1.3, at_most=True)),
    ]


def _peak(bench: Bench, api: Api, body: bytes) -> float:
    """Return the most megabytes a fresh worker took while it read a document."""
    environment = {**api.stack.environment, "RENDER_DPI": str(DPI)}
    with bench.worker([sys.executable, "-m", "workers"], environment) as process, _watched(process.pid) as samples:
        api.finished(api.submit("scan.pdf", body))
    return max(samples) / 1e6


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Sample the memory of a process and all below it until the block ends."""
    samples: list[int] = []
    enough = threading.Event()

    def watch() -> None:
        while not enough.wait(EVERY_SECONDS):
            samples.append(_tree_bytes(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        enough.set()
        thread.join()


def _tree_bytes(pid: int) -> int:
    total = 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # engines come and go
            total += process.memory_full_info().pss
    return total


def _scan(pages: int) -> bytes:
    """A PDF of small pictures of text, the same `SHORT` over and over: 300 pages are read in under a minute."""
    pdf = FPDF(unit="pt", format=A6_POINTS)
    pictures = [_picture(number) for number in range(SHORT)]
    for number in range(pages):
        pdf.add_page()
        pdf.image(pictures[number % SHORT], 0, 0, *A6_POINTS)
    return bytes(pdf.output())


def _picture(number: int) -> Image.Image:
    width, height = (round(side * DPI / 72) for side in A6_POINTS)
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    for line in range(6):
        draw.text((30, 40 + 80 * line), f"Page {number}, line {line} of six", 0, ImageFont.load_default(28))
    return image
