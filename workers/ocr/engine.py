"""What an OCR engine is: values in, values out.

An engine gets one page as a file on disk and returns its words. It knows no document, no database and no queue;
it runs in a process that can be killed, so it needs no time limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page, rendered.

    Attributes:
        path: an image file an engine can open (an uncompressed one, or the uploaded image itself).
        width: pixels.
        height: pixels.
        dpi: dots per inch the page was rendered or scanned at; best guess for photos.
    """

    path: Path
    width: int
    height: int
    dpi: int


@dataclass(frozen=True, slots=True)
class OcrOptions:
    """What the reader of one page may know of the user's wishes.

    Attributes:
        languages: packs to read with, most likely first, e.g. `("eng", "deu")`.
        timeout: seconds one page may take.
    """

    languages: tuple[str, ...] = ("eng",)
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Word:
    """One word: `confidence` 0-1, `box` `(x0, y0, x1, y1)` in pixels of the page as read, origin top left."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PageText:
    """What an engine read: words in reading order, and the text with its line and paragraph breaks."""

    text: str
    words: list[Word] = field(default_factory=list)

    @property
    def confidence(self) -> float | None:
        """Mean word confidence weighted by word length, 0-1; None for a page without words."""
        weight = sum(len(word.text) for word in self.words)
        if not weight:
            return None
        return sum(word.confidence * len(word.text) for word in self.words) / weight


class OcrEngine(Protocol):
    """An engine. Constructed once a process; importing its module must be cheap."""

    name: str

    def version(self) -> str:
        """The engine's version, as it reports it."""
        ...

    def languages(self) -> tuple[str, ...]:
        """The language packs installed, sorted."""
        ...

    def read(self, page: PageImage, options: OcrOptions) -> PageText:
        """Read one page.

        Raises:
            EngineFailed: the engine died or answered nonsense.
            UnknownLanguage: a language pack is missing.
        """
        ...
