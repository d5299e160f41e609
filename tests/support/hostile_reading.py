"""Reading a hostile file as a worker would, in a process of its own, and seeing what is left of that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from workers.ocr.sandbox import PageFailed, PageRead, Reader, ReadLimits, ReadOptions

LIMITS = ReadLimits(page_timeout_seconds=30, max_page_pixels=100_000_000, max_pages=3000, render_dpi=300)


def read(data: bytes, place: Path, limits: ReadLimits = LIMITS, *, password: str | None = None) -> list[Page]:
    """Read every page as the document's job does: those with text from it, the others by tesseract.

    Args:
        data: the file.
        place: a directory for it.
        limits: what it may cost.
        password: opens it.
    """
    path = place / "hostile"
    path.write_bytes(data)
    with Reader(path, ReadOptions(engine="tesseract", password=password), limits) as reader:
        numbers = range(1, reader.page_count + 1)
        found: dict[int, Page] = {page.number: page for page in reader.text_layers(numbers)}
        rest = [number for number in numbers if number not in found]
        found |= {page.number: page for page in reader.read(rest)}
    return [found[number] for number in numbers]


Page = PageRead | PageFailed


def below(process: psutil.Process) -> Iterator[psutil.Process]:
    """Yield the reading processes of a worker: whatever the fork servers below it have started."""
    for child in process.children(recursive=True):
        try:
            if "workers.ocr.fork_server" in child.cmdline() and is_server(child):
                yield from child.children(recursive=True)
        except psutil.NoSuchProcess:
            continue


def is_server(process: psutil.Process) -> bool:
    """Tell a fork server from the processes it forked, which look alike: those lead no session."""
    parent = process.parent()
    return parent is None or "workers.ocr.fork_server" not in parent.cmdline()
