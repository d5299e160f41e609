"""One document, read in a process that can be killed.

A `Reader` has the fork server make a process, hands it the document, and asks it page by page. A page that hangs or
takes its process down fails alone: the next one gets a fresh process. Nothing outlives the `with` block.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Final, Self

from shared.errors import EngineFailed, PageTimeout, TwolaneError
from shared.values import DocumentFlag
from workers.ocr.forking import Forking, forking
from workers.ocr.pages import (
    Answer,
    EInvoice,
    Failed,
    FindTextLayers,
    OpenDocument,
    Opened,
    PageFailed,
    PageRead,
    ReadEInvoice,
    ReadLimits,
    ReadOptions,
    RecognisePage,
    RenderedPage,
    RenderPage,
    Request,
    TextLayers,
)
from workers.ocr.searchable.request import PagesWritten, WritePdf

__all__ = ["PageFailed", "PageRead", "ReadLimits", "ReadOptions", "Reader", "warm_up"]

log = logging.getLogger(__name__)

# A process that parses untrusted bytes has no business with these.
_SECRETS: Final = frozenset({"DATABASE_URL", "REDIS_URL", "DEEPSEEK_KEY", "EXTRACTOR_KEY"})

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only ever a private directory inside it, made by mkdtemp

# Long enough for some 50 born-digital pages, short enough that the first result comes at once.
_BATCH_SECONDS: Final = 0.1


def warm_up() -> None:
    """Start the fork server now (0.5 s of imports), so that the first document does not wait for it."""
    forking().ensure_running()


def _scratch_parent(page_bytes: int) -> Path | None:
    """Return shared memory if it holds a few pages (containers often have 64 MB of it), else None: the default."""
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return None
    return _SHARED_MEMORY if free > 4 * page_bytes and os.access(_SHARED_MEMORY, os.W_OK) else None


class _Process:
    """One reading process with the document open in it."""

    def __init__(self, server: Forking, opening: OpenDocument) -> None:
        self._server = server
        self._timeout = opening.limits.page_timeout_seconds
        self._connection, theirs = Pipe()
        try:
            with theirs:
                self.pid = server.fork(theirs.fileno(), opening.scratch)
        except BaseException:
            self._connection.close()
            raise
        try:
            opened = self._open(opening)
            self.page_count, self.flags = opened.page_count, opened.flags
        except BaseException:
            self.end()
            raise

    def _open(self, opening: OpenDocument) -> Opened:
        self.send(opening)
        answer = self.receive("Opening the document")
        if not isinstance(answer, Opened):
            raise EngineFailed(f"The reading process answered {answer!r} when asked to open the document.")
        return answer

    def send(self, request: Request) -> None:
        """Ask. A process that is gone shows when it is listened to."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(request)

    def receive(self, what: str) -> Answer:
        """Wait for one answer.

        Raises:
            PageTimeout: none came in time.
            EngineFailed: none can come, the process is gone.
            TwolaneError: whatever the process reports as its failure.
        """
        try:
            if not self._connection.poll(self._timeout):
                raise PageTimeout(f"{what} took longer than {self._timeout:g} seconds.")
            answer: Answer = self._connection.recv()
        except (EOFError, ConnectionResetError) as error:
            raise EngineFailed(f"{what} ended the reading process: it crashed or ran out of memory.") from error
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    def end(self) -> None:
        """Kill the process and everything it started, and wait for their end."""
        self._connection.close()
        self._server.end(self.pid)


class Reader:
    """A document being read; a context manager, for one thread.

    Entering opens the document and sets `page_count` and `flags`.

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
        self._process: _Process | None = None
        self._used: set[str] = set()

    def __enter__(self) -> Self:
        parent = _scratch_parent(self._limits.max_page_pixels)
        self._scratch = Path(tempfile.mkdtemp(prefix="twolane-", dir=parent))
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

        A page whose text layer hangs or crashes the process is passed over like one without; `read` will tell.
        """
        if self._options.text_layer == "ignore":
            return
        done, batch_seconds = 0, _BATCH_SECONDS
        while done < len(numbers):
            try:
                for answer in self._stream(numbers[done:], batch_seconds):
                    done += answer.done
                    yield from answer.pages
            except EngineFailed:
                # In a batch nobody knows whose fault it was: go on page by page, and pass over the one that fails.
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
            try:
                yield self._recognise(number)
            except TwolaneError as error:
                self._end()
                yield PageFailed(number, error)

    def render(self, number: int) -> RenderedPage | PageFailed:
        """Render a page, prepared as asked, into a file that lives until the next is rendered or this ends."""
        try:
            process = self._running()
            process.send(RenderPage(number))
            answer = process.receive(f"Page {number}")
            if not isinstance(answer, RenderedPage | PageFailed):
                raise EngineFailed(f"The reading process answered {answer!r} when asked to render page {number}.")
        except TwolaneError as error:
            self._end()
            return PageFailed(number, error)
        return answer

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

    def _recognise(self, number: int) -> PageRead | PageFailed:
        process = self._running()
        process.send(RecognisePage(number))
        answer = process.receive(f"Page {number}")
        if not isinstance(answer, PageRead | PageFailed):
            raise EngineFailed(f"The reading process answered {answer!r} when asked for page {number}.")
        if isinstance(answer, PageRead):
            self._used.update(attempt.engine for attempt in answer.attempts if attempt.error is None)
        return answer

    def _running(self) -> _Process:
        if self._process is None:
            environ = {name: value for name, value in os.environ.items() if name not in _SECRETS}
            opening = OpenDocument(self._source, self._options, self._limits, self._scratch, environ)
            self._process = _Process(forking(), opening)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()
