"""What the worker asks for, and what it hears while it is done; it imports no imaging library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WritePdf:
    """Write the open document as a searchable PDF; the answers are `PagesWritten`, the last of which is `done`.

    Attributes:
        words: a file of `workers.ocr.searchable.lines`: what goes over which page.
        target: where the PDF goes.
        title: what an image's PDF is called.
        archival: as PDF/A-2b.
    """

    words: Path
    target: Path
    title: str
    archival: bool = False


@dataclass(frozen=True, slots=True)
class PagesWritten:
    """A sign of life: so many pages are done."""

    count: int
    done: bool = False
