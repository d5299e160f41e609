"""One document, read in a process that can be killed.

A `Reader` has the fork server make a process, hands it the document, and asks it page by page. A page that hangs or
takes its process down fails alone: the next one gets a fresh process. Nothing outlives the `with` block.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from shared.errors import EngineFailed, PageTimeout, TwolaneError, UnreadablePage
from shared.values import DocumentFlag
from workers.ocr.forking import SECRETS, forking
from workers.ocr.pages import (
    EInvoice,
    FindTextLayers,
    OpenDocument,
    PageFailed,
    PageRead,
    ReadEInvoice,
    ReadLimits,
    ReadOptions,
    RecognisePage,
    RenderedPage,
    RenderPage,
    TextLayers,
)
from workers.ocr.reading_process import ReadingProcess
from workers.ocr.searchable.request import PagesWritten, WritePdf

__all__ = ["PageFailed", "PageRead", "ReadLimits", "ReadOptions", "Reader", "warm_up"]

log = logging.getLogger(__name__)

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only ever a private directory inside it, made by mkdtemp

# Long enough for some 50 born-digital pages, short enough that the first result comes at once.
_BATCH_SECONDS: Final = 0.1

_TEXT_FAILURES: Final = 2
"""Times the search for text may hang or crash: once in a batch, and once on a page by itself."""

_TEXT_SECONDS: Final = 600.0
"""The search for text may take in all; 3,000 pages of ordinary documents take a minute."""

_MOST_HANGING: Final = 2
"""Pages in a row that may hang before no other page of the document is tried."""

_QUICK: Final = 0.1
"""Part of a page's time: a process that ends sooner is given a second try; one that ends later counts as hanging."""


_PREFIX: Final = "twolane-"

_STALE_SECONDS: Final = 2 * 3600
"""No job takes a quarter of this: who made a directory so old was killed, and its fork server with it."""


def warm_up() -> None:
    """Start the fork server now (0.5 s of imports), so that the first document does not wait for it."""
    _sweep()
    forking().ensure_running()


def _sweep() -> None:
    """Give back the shared memory that killed workers left taken."""
    for place in _SHARED_MEMORY.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another worker sweeps too
            found = place.stat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > _STALE_SECONDS:
                shutil.rmtree(place)


def _scratch_parent(page_bytes: int) -> Path | None:
    """Return shared memory if it holds a few pages (containers often have 64 MB of it), else None: the default."""
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return None
    return _SHARED_MEMORY if free > 4 * page_bytes and os.access(_SHARED_MEMORY, os.W_OK) else None


_Page = TypeVar("_Page", bound=PageRead | RenderedPage | PageFailed)


class Reader:
    """A document being read; a context manager, for one thread.

    Entering opens the document and sets `page_count` and `flags`.

    How long the worst document can hold its worker, in page timeouts T (120 s): opening it T, `e_invoice` T,
    `text_layers` 600 s + T, `read` and `render` 1.1 T a page, and 2.2 T for all pages where they hang one after the
    other. A job is cut off at 1,800 s whatever happens, and made three times.

    Raises:
        CorruptFile, PasswordRequired, WrongPassword, NoPages, UnsupportedMediaType: the document is at fault.
        PageTimeout, EngineFailed: opening it took too long, or took its process down.
    """

    page_count: int
    flags: frozenset[DocumentFlag]

    def __init__(self, source: Path, options: ReadOptions, limits: ReadLimits) -> None:
        self._source = source.absolute()
        self._options = options
        self._limits = limits
        self._process: ReadingProcess | None = None
        self._used: set[str] = set()
        self._hung = 0  # pages in a row

    def __enter__(self) -> Self:
        parent = _scratch_parent(self._limits.max_page_pixels)
        self._scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        try:
            process = self._running()
            self.page_count, self.flags = process.page_count, process.flags
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for engine in self._used:
            forking().prepare(engine)  # if this document had to load its models, the next ones find them loaded
        shutil.rmtree(self._scratch)

    def text_layers(self, numbers: Sequence[int]) -> Iterator[PageRead]:
        """Yield, in order, those of the pages that carry usable text; images have none, and `ignore` finds none.

        A page whose text layer hangs or crashes the process is passed over like one without, and so are all after it;
        `read` will tell.
        """
        if self._options.text_layer == "ignore":
            return
        done, failures, batch_seconds, began = 0, 0, _BATCH_SECONDS, time.monotonic()
        while done < len(numbers) and failures < _TEXT_FAILURES:
            try:
                for answer in self._stream(numbers[done:], batch_seconds):
                    done += answer.done
                    yield from answer.pages
                    if time.monotonic() - began > _TEXT_SECONDS:
                        return
            except EngineFailed:
                # In a batch nobody knows whose fault it was: go on page by page, and pass over the one that fails.
                failures += 1
                done += batch_seconds == 0
                batch_seconds = 0

    def _stream(self, numbers: Sequence[int], batch_seconds: float) -> Iterator[TextLayers]:
        """Yield batches until all pages are done; each counts only the pages since the one before."""
        process = self._running()
        process.send(FindTextLayers(numbers, batch_seconds))
        done = 0
        try:
            while done < len(numbers):
                answer = process.receive(f"Looking for text on page {numbers[done]} and on")
                if not isinstance(answer, TextLayers):
                    raise EngineFailed(f"The reading process answered {answer!r} when asked for text layers.")
                fresh, done = answer.done - done, answer.done
                yield TextLayers(fresh, answer.pages)
        finally:
            if done < len(numbers):
                self._end()  # its answers would be taken for those to the next question

    def read(self, numbers: Sequence[int]) -> Iterator[PageRead | PageFailed]:
        """Recognise the pages, in order. A page that hangs or crashes its process fails; the next gets a fresh one."""
        for number in numbers:
            yield self._patiently(number, self._recognise)

    def render(self, number: int, turned: int = 0) -> RenderedPage | PageFailed:
        """Render a page, prepared as asked, into a file that lives until the next is rendered or this ends.

        Args:
            number: of the page, from 1.
            turned: by how many degrees clockwise it is to be turned besides: 0, 90, 180 or 270.
        """
        return self._patiently(number, lambda number: self._render(number, turned))

    def e_invoice(self) -> bytes | None:
        """Take out the XML of the invoice that the document carries; None where that fails, for the pages are there."""
        try:
            process = self._running()
            process.send(ReadEInvoice())
            answer = process.receive("Looking for the attached invoice")
        except TwolaneError as error:
            log.warning("the attached invoice could not be taken out: %s", error)
            self._end()
            return None
        return answer.xml if isinstance(answer, EInvoice) else None

    def write_pdf(self, request: WritePdf) -> None:
        """Write the document as a searchable PDF.

        Raises:
            CorruptFile, NotArchivable: it can't be written so.
            PageTimeout, EngineFailed: writing took too long, or took its process down.
        """
        process = self._running()
        process.send(request)
        done = False
        try:
            while not done:
                answer = process.receive("Writing the PDF")
                if not isinstance(answer, PagesWritten):
                    raise EngineFailed(f"The reading process answered {answer!r} when asked to write the PDF.")
                done = answer.done
        finally:
            if not done:
                self._end()  # its answers would be taken for those to the next question

    def _patiently(self, number: int, ask: Callable[[int], _Page]) -> _Page | PageFailed:
        """Ask about a page, unless the pages before all hung; a second time, if it quickly ended its process."""
        if self._hung >= _MOST_HANGING:
            return PageFailed(number, PageTimeout(f"Page {number} was not tried: those before it took too long."))
        began = time.monotonic()
        try:
            answer = self._fresh_if_crashed(number, ask)
        except TwolaneError as error:
            self._end()
            self._hung += time.monotonic() - began > _QUICK * self._limits.page_timeout_seconds
            return PageFailed(number, error, final=self._hung >= _MOST_HANGING)
        self._hung = 0
        return answer

    def _fresh_if_crashed(self, number: int, ask: Callable[[int], _Page]) -> _Page | PageFailed:
        """Ask about a page; one that ends two processes by itself would end all others too."""
        began = time.monotonic()
        try:
            return ask(number)
        except PageTimeout:
            raise
        except EngineFailed:
            slow = time.monotonic() - began > _QUICK * self._limits.page_timeout_seconds
            if not self._end() or slow:
                raise
        try:
            return ask(number)
        except PageTimeout:
            raise
        except EngineFailed:
            if self._end():
                reason = "it takes more memory than a page may, or is damaged in a way that nothing here survives"
                return PageFailed(number, UnreadablePage(f"Page {number} ended the reading process twice: {reason}."))
            raise

    def _recognise(self, number: int) -> PageRead | PageFailed:
        process = self._running()
        process.send(RecognisePage(number))
        answer = process.receive(f"Page {number}")
        if not isinstance(answer, PageRead | PageFailed):
            raise EngineFailed(f"The reading process answered {answer!r} when asked for page {number}.")
        if isinstance(answer, PageRead):
            self._used.update(attempt.engine for attempt in answer.attempts if attempt.error is None)
        return answer

    def _render(self, number: int, turned: int) -> RenderedPage | PageFailed:
        process = self._running()
        process.send(RenderPage(number, turned))
        answer = process.receive(f"Page {number}")
        if not isinstance(answer, RenderedPage | PageFailed):
            raise EngineFailed(f"The reading process answered {answer!r} when asked to render page {number}.")
        return answer

    def _running(self) -> ReadingProcess:
        if self._process is None:
            environ = {name: value for name, value in os.environ.items() if name not in SECRETS}
            opening = OpenDocument(self._source, self._options, self._limits, self._scratch, environ)
            self._process = ReadingProcess(forking(), opening)
        return self._process

    def _end(self) -> bool:
        """End the process; tell whether there was one, and it had ended by itself."""
        process, self._process = self._process, None
        return process is not None and process.end()
