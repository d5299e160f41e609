"""The most memory a worker takes for a long scan, and its time a page, beside a short one of the same pages."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from tests.bench.bench import Api, Bench
from tests.bench.figures import Line, Target, median

SHORT, LONG = 10, 1000
ROUNDS = 2
"""A round takes some three minutes, and what is measured hardly varies."""

DPI = 100
EVERY_SECONDS = 0.05
A6_POINTS = (298, 420)


@dataclass(frozen=True, slots=True)
class Run:
    """One document read by a fresh worker: the most megabytes its tree took, and seconds a page."""

    peak: float
    seconds: float


def measure(bench: Bench) -> list[Line]:
    """Read both by real tesseract, each time with a worker of its own, which has read another page before.

    Memory is PSS (what is shared counts by parts) summed over the worker's whole tree: Celery's parent and child, the
    process readers are forked from, the reader and the engine.
    """
    runs: dict[int, list[Run]] = {SHORT: [], LONG: []}
    documents = {pages: _scan(pages) for pages in runs}
    with bench.stack(workers=0) as api:
        for number in range(ROUNDS):
            for pages, found in runs.items():
                found.append(_run(bench, api, documents[pages], pages))
                bench.say(f"round {number + 1} of {ROUNDS}, {pages} pages: {found[-1]}")
    few, many = (median([run.peak for run in runs[pages]]) for pages in (SHORT, LONG))
    short, long = (median([run.seconds for run in runs[pages]]) for pages in (SHORT, LONG))
    return [
        Line(f"peak of a worker on {SHORT} scanned pages, PSS of its process tree", few, "MB"),
        Line(f"peak of a worker on {LONG:,} of the same pages", many, "MB"),
        Line(f"peak, {LONG:,} pages / {SHORT} pages", many / few, "x", Target(1.2, at_most=True)),
        Line(f"a page of {SHORT}, POST to completed", short, "s"),
        Line(f"a page of {LONG:,}", long, "s"),
        Line(f"time a page, {LONG:,} pages / {SHORT} pages", long / short, "x", Target(1.1, at_most=True)),
    ]


def _run(bench: Bench, api: Api, body: bytes, pages: int) -> Run:
    """Read a document with a fresh worker."""
    environment = {**api.stack.environment, "RENDER_DPI": str(DPI)}
    with bench.worker([sys.executable, "-m", "workers"], environment) as process:
        api.seconds("warm-up.pdf", _scan(1))
        with _watched(process.pid) as samples:
            seconds = api.seconds("scan.pdf", body)
    return Run(max(samples) / 1e6, seconds / pages)


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
    """A PDF of small pictures of text, the same `SHORT` over and over: a page is read in a tenth of a second."""
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
    return image.point(lambda grey: 255 * (grey > 128))  # black and white, as office scanners make it: tesseract's
