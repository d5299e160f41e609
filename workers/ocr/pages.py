"""The values that travel between a worker and the process that reads a document for it.

Importing this module loads no imaging library: the worker's own process stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.errors import TwolaneError
from shared.values import DocumentFlag
from workers.ocr.geometry import Transform
from workers.ocr.searchable.request import PagesWritten, WritePdf


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user asked for.

    Attributes:
        engine: a name of `workers.ocr.engines`, or `auto`.
        ladder: the engines `auto` may read a page with, weakest first.
        languages: packs to read with, most likely first.
        password: opens an encrypted PDF.
        text_layer: `use` the text a PDF page already carries, or `ignore` it.
        rotate: turn pages upright, in steps of 90 degrees.
        deskew: straighten pages that are a few degrees off.
        clean: even out uneven light and lift contrast.
        denoise: remove specks and grain.
        normalize: bring small or coarse print to the size engines read best.
        crop: cut off borders that are not the page.
    """

    engine: str = "auto"
    ladder: tuple[str, ...] = ("tesseract", "rapidocr")
    languages: tuple[str, ...] = ("eng",)
    password: str | None = None
    text_layer: Literal["use", "ignore"] = "use"
    rotate: bool = False
    deskew: bool = False
    clean: bool = False
    denoise: bool = False
    normalize: bool = False
    crop: bool = False


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a document may cost.

    Attributes:
        page_timeout_seconds: opening the document and reading any one page may take this long each.
        max_page_pixels: pixels of a rendered page or a decoded image.
        max_pages: pages read of one document.
        render_dpi: what PDF pages are rendered at.
    """

    page_timeout_seconds: float
    max_page_pixels: int
    max_pages: int
    render_dpi: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reading of a page by one engine.

    Attributes:
        engine: which.
        kept: whether its result is the page's.
        confidence: 0-1; None for no words.
        word_count: words found.
        duration_ms: of the engine's call.
        cpu_ms: CPU time of the same, ours alone.
        micros: what others charge for it, in millionths of a dollar.
        doubts: why its result was not trusted, names of `workers.ocr.doubts`; empty where it was.
        error: the code of what failed, where it did.
        transform: of the kept attempt, `PageRead.transform`; None for all others.
    """

    engine: str
    kept: bool
    confidence: float | None
    word_count: int
    duration_ms: int
    cpu_ms: int = 0
    micros: int = 0
    doubts: tuple[str, ...] = ()
    error: str | None = None
    transform: Transform | None = None


@dataclass(frozen=True, slots=True)
class PageRead:
    """One page, read.

    Attributes:
        number: of the page, from 1.
        width: pixels of the page as read.
        height: pixels of the page as read.
        dpi: dots per inch of those pixels.
        text: with line and paragraph breaks; free of NUL and lone surrogates.
        confidence: 0-1, mean of the words weighted by length; None for a page without words.
        engine: which read it; None for a text layer.
        source: whether the text was recognised or found in the file.
        duration_ms: from opening the page to having its words.
        word_count: how many words `words_json` holds.
        words_json: JSON list of `{"text", "confidence", "box": [x0, y0, x1, y1]}`, in pixels of the page as read.
            Serialised where it was read, so that nobody on the way to the store parses it.
        cpu_ms: CPU time from opening the page to having its words, engines of ours included.
        peak_kb: most memory the reading process had had when it was done, in KiB.
        attempts: every reading of it, in order; none for a text layer.
        transform: from the page as read to the page as it is in the file (upright as the file says), where it was
            turned, straightened, cropped or scaled to be read; None where boxes lie on the page as it is. Both count
            dots at `dpi`, so that `72 / dpi` times a point is in points of a PDF page. Stored with the kept attempt.
    """

    number: int
    width: int
    height: int
    dpi: int
    text: str
    confidence: float | None
    engine: str | None
    source: Literal["ocr", "text_layer"]
    duration_ms: int
    word_count: int
    words_json: bytes
    cpu_ms: int = 0
    peak_kb: int = 0
    attempts: Sequence[Attempt] = ()
    transform: Transform | None = None

    @property
    def micros(self) -> int:
        """What others charge for it, in millionths of a dollar."""
        return sum(attempt.micros for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """One page as a PNG file, prepared as asked, for an engine elsewhere; the file lives as long as its `Reader`.

    It is a JPEG where a PNG would be larger than most servers take; the file's suffix says so.
    """

    number: int
    path: Path
    width: int
    height: int
    dpi: int
    cpu_ms: int
    transform: Transform | None = None


@dataclass(frozen=True, slots=True)
class PageFailed:
    """One page that could not be read, and why; `Transient` errors may go away, `Permanent` ones do not.

    Attributes:
        number: of the page, from 1.
        error: why.
        final: whether it is not to be tried again by itself, whatever the error.
        attempts: what was asked of engines that others run, in order; it may have cost something all the same.
    """

    number: int
    error: TwolaneError
    final: bool = False
    attempts: Sequence[Attempt] = ()


# --- what the worker asks the reading process


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """Open a document; the answer is an `Opened`.

    Attributes:
        scratch: a directory for page images and the engine's own files.
        environ: the worker's environment now, without its secrets: the process that forks was started earlier.
    """

    source: Path
    options: ReadOptions
    limits: ReadLimits
    scratch: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FindTextLayers:
    """Look for text layers on these pages; the answers are `TextLayers`, the last of which is `done` with them all.

    Attributes:
        numbers: of the pages, from 1.
        batch_seconds: how long finished pages may wait for company before they are sent; 0 sends each at once.
    """

    numbers: Sequence[int]
    batch_seconds: float


@dataclass(frozen=True, slots=True)
class RecognisePage:
    """Recognise one page; the answer is a `PageRead` or a `PageFailed`."""

    number: int


@dataclass(frozen=True, slots=True)
class RenderPage:
    """Render one page, prepared as asked, into a file; the answer is a `RenderedPage` or a `PageFailed`.

    Attributes:
        number: of the page, from 1.
        turned: by how many degrees clockwise it is to be turned then: 0, 90, 180 or 270.
    """

    number: int
    turned: int = 0


@dataclass(frozen=True, slots=True)
class ReadEInvoice:
    """Take out the invoice that the document carries beside its pages; the answer is an `EInvoice`."""


Request = OpenDocument | FindTextLayers | RecognisePage | RenderPage | ReadEInvoice | WritePdf


# --- what it answers


@dataclass(frozen=True, slots=True)
class Opened:
    """The document is open.

    Attributes:
        page_count: how many pages it has.
        flags: what else it is, of `shared.values.DocumentFlag`.
    """

    page_count: int
    flags: frozenset[DocumentFlag] = frozenset()


@dataclass(frozen=True, slots=True)
class TextLayers:
    """The pages among the first `done` asked for that carry usable text and were not sent before."""

    done: int
    pages: Sequence[PageRead]


@dataclass(frozen=True, slots=True)
class Failed:
    """The request as a whole failed."""

    error: TwolaneError


@dataclass(frozen=True, slots=True)
class EInvoice:
    """The XML of an invoice, a few MiB at most; None where there is none to be had."""

    xml: bytes | None


Answer = Opened | TextLayers | PageRead | RenderedPage | PageFailed | EInvoice | Failed | PagesWritten
