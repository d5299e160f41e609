"""What an OCR engine is: values in, values out.

An engine gets one page as a file on disk and returns its words. It knows no document, no database and no queue;
it runs in a process that can be killed, so it needs no time limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workers.ocr.geometry import IDENTITY, Transform, after, rotated

if TYPE_CHECKING:
    # A remote engine is called by the worker itself, which loads no imaging library.
    from PIL import Image


@dataclass(slots=True)
class PageImage:
    """One page, rendered: as pixels where it was rendered, as a file for whoever wants one.

    Attributes:
        path: where the file is, or will be once `file` is called.
        width: pixels.
        height: pixels.
        dpi: dots per inch the page was rendered or scanned at; best guess for photos.
        pixels: 8-bit grey (Pillow mode `L`); None where there is only the file.
        transform: from these pixels to the page as it is in the file, in dots at `dpi`.
        print_dpi: what the size of its print suggests, where that is far from `dpi`: files say anything, and engines
            that go by it lose whole lines.
    """

    path: Path
    width: int
    height: int
    dpi: int
    pixels: Image.Image | None = field(default=None, repr=False)
    transform: Transform = IDENTITY
    print_dpi: int | None = None
    _written: bool = field(default=False, repr=False)

    def image(self) -> Image.Image:
        """The pixels, decoded from the file where there is only that."""
        if self.pixels is None:
            from PIL import Image  # noqa: PLC0415 - as above

            with Image.open(self.path) as opened:
                self.pixels = opened.convert("L")
        return self.pixels

    def changed(self, image: Image.Image, undone: Transform = IDENTITY) -> PageImage:
        """Return the page with other pixels, which `undone` takes back to these."""
        return PageImage(self.path, *image.size, self.dpi, image, after(self.transform, undone), self.print_dpi)

    def turned(self, degrees: int) -> PageImage:
        """Return the page turned clockwise by 90, 180 or 270 degrees; as a file it lies beside this one."""
        image = self.image().rotate(-degrees, expand=True)
        turned = self.changed(image, rotated(degrees, (self.width, self.height), image.size))
        turned.path = self.path.with_stem(f"{self.path.stem}-{degrees}")
        return turned

    def file(self) -> Path:
        """The page as a file, written when first asked for; its suffix is its format."""
        if self.pixels is not None and not self._written:
            self.pixels.save(self.path)
            self._written = True
        return self.path


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
    """What an engine read.

    Attributes:
        text: the words with their breaks: a space between words of a line, a line feed between lines, an empty line
            between paragraphs. What is written from results (hOCR, ALTO, ...) has its lines from here.
        words: in reading order, the same as in `text`.
        micros: what reading it cost beside our own machine, in millionths of a dollar at the configured price.
    """

    text: str
    words: list[Word] = field(default_factory=list)
    micros: int = 0

    @property
    def confidence(self) -> float | None:
        """Mean word confidence weighted by word length, 0-1; None for a page without words."""
        weight = sum(len(word.text) for word in self.words)
        if not weight:
            return None
        return sum(word.confidence * len(word.text) for word in self.words) / weight


class OcrEngine(Protocol):
    """An engine. Constructed once a process, without arguments; importing its module must be cheap.

    Attributes:
        name: what users ask for, and what pages are recorded with.
        remote: whether it asks somebody else over the network. A remote engine runs in the worker, which has the keys
            for it, and gets a PNG file; others run in the process that opened the document and may be killed with it.
    """

    name: str
    remote: bool

    def version(self) -> str:
        """The engine's version, as it reports it."""
        ...

    def languages(self) -> tuple[str, ...]:
        """The language packs installed, sorted."""
        ...

    def prepare(self) -> None:
        """Load what every page needs, so that processes forked from this one share it; may do nothing."""
        ...

    def read(self, page: PageImage, options: OcrOptions) -> PageText:
        """Read one page.

        Raises:
            EngineFailed: the engine died or answered nonsense.
            UnknownLanguage: a language pack is missing.
        """
        ...
