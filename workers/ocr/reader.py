"""The reading process: opens one document and answers questions about it until the worker hangs up.

Everything that touches untrusted bytes happens here. Every failure goes back as one of our errors.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection

import orjson
from PIL import Image

from shared import media
from shared.errors import TwolaneError, UnsupportedMediaType
from workers.ocr import auto, engines, guard, preprocess
from workers.ocr.engine import PageImage
from workers.ocr.engines.tesseract import TesseractEngine
from workers.ocr.failures import as_ours
from workers.ocr.forking import PRELOADED
from workers.ocr.geometry import stored
from workers.ocr.images import FORMATS, ImageDocument, Raster
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
    RecognisePage,
    RenderedPage,
    RenderPage,
    Request,
    TextLayers,
)
from workers.ocr.pdf import PdfDocument
from workers.ocr.searchable.request import WritePdf
from workers.ocr.searchable.writing import PdfWriter
from workers.ocr.text import clean

# Words come by the thousand and are never part of a cycle: looking for one after every 700 costs a tenth of the time.
_GARBAGE = 50_000

MAX_PNG_BYTES = 6_000_000
"""Of a page that is sent elsewhere: Textract takes 10 MB, and a third is added where it travels as base64."""


def preload() -> None:
    """Load what every reading process needs, in the process they are forked from."""
    Image.preinit()
    prepare(PRELOADED)


def prepare(name: str) -> None:
    """Load an engine's models, in the process that reading processes are forked from."""
    try:
        engines.load(name).prepare()
    except Exception as error:  # noqa: BLE001 - whatever it is, the page that needs the engine says so
        sys.stderr.write(f"The engine {name!r} could not be prepared: {as_ours(error)}\n")


def serve(connection: Connection) -> None:
    """Answer the worker's requests; the first is `OpenDocument`."""
    guard.limit_memory()
    gc.set_threshold(_GARBAGE)
    document: DocumentReader | None = None
    while True:
        try:
            request: Request = connection.recv()
        except EOFError:
            return
        try:
            if isinstance(request, OpenDocument):
                document = DocumentReader(request)
                connection.send(Opened(document.page_count, document.flags))
            elif document is not None:
                for answer in document.answer(request):
                    connection.send(answer)
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - the worker must hear of it, whatever it is
            connection.send(Failed(as_ours(error)))


class DocumentReader:
    """One open document."""

    def __init__(self, opening: OpenDocument) -> None:
        os.environ.clear()
        os.environ.update(opening.environ)
        tempfile.tempdir = str(opening.scratch)  # engines' own files go where the worker removes them
        self._opening = opening
        self._document = _open(opening)
        self.page_count = self._document.page_count
        self.flags = self._document.flags

    def answer(self, request: Request) -> Iterator[Answer]:
        """Yield the answers to one request."""
        if isinstance(request, FindTextLayers):
            yield from self._text_layers(request)
        elif isinstance(request, RecognisePage):
            yield self._recognise(request.number)
        elif isinstance(request, RenderPage):
            yield self._render(request)
        elif isinstance(request, ReadEInvoice):
            yield EInvoice(self._document.e_invoice() if isinstance(self._document, PdfDocument) else None)
        elif isinstance(request, WritePdf):
            yield from PdfWriter(self._opening, self._document).write(request)

    def _text_layers(self, request: FindTextLayers) -> Iterator[TextLayers]:
        """Yield the pages with text in batches: a message costs more than a page."""
        batch: list[PageRead] = []
        sent = time.monotonic()
        for done, number in enumerate(request.numbers, start=1):
            if page := self._text_layer(number):
                batch.append(page)
            if done == len(request.numbers) or time.monotonic() - sent >= request.batch_seconds:
                yield TextLayers(done, batch)
                batch, sent = [], time.monotonic()

    def _text_layer(self, number: int) -> PageRead | None:
        if not isinstance(self._document, PdfDocument):
            return None
        started, meter = time.monotonic(), Meter()
        try:
            layer = self._document.text_layer(number)
        except TwolaneError:
            return None  # reading the page will report it
        if layer is None:
            return None
        words = [
            {"text": word, "confidence": 1.0, "box": box} for word, box in zip(layer.words, layer.boxes, strict=True)
        ]
        return PageRead(
            number=number,
            width=layer.width,
            height=layer.height,
            dpi=layer.dpi,
            text=layer.text,
            confidence=1.0 if words else None,
            engine=None,
            source="text_layer",
            duration_ms=_since(started),
            word_count=len(words),
            words_json=orjson.dumps(words),
            cpu_ms=meter.cpu_ms(),
            peak_kb=meter.peak_kb(),
        )

    def _recognise(self, number: int) -> PageRead | PageFailed:
        started, meter = time.monotonic(), Meter()
        try:
            page = self._page_image(self._document.raster(number))
            reading = auto.read(page, self._opening.options)
        except Exception as error:  # noqa: BLE001 - one page fails, whatever it is
            return PageFailed(number, as_ours(error))
        return page_read(number, reading, _since(started), meter)

    def _render(self, request: RenderPage) -> RenderedPage | PageFailed:
        """Write one page as PNG: small enough to be sent elsewhere."""
        meter, number = Meter(), request.number
        path = self._opening.scratch / f"page-{number}.png"
        try:
            page = self._page_image(self._document.raster(number))
            page = page.turned(request.turned) if request.turned else page
            page.image().save(path, dpi=(page.dpi, page.dpi), compress_level=1)
            if path.stat().st_size > MAX_PNG_BYTES:
                path.unlink()
                path = path.with_suffix(".jpg")
                page.image().save(path, dpi=(page.dpi, page.dpi), quality=90)
        except Exception as error:  # noqa: BLE001 - as above
            return PageFailed(number, as_ours(error))
        lies = stored(page.transform)
        return RenderedPage(number, path, page.width, page.height, page.dpi, meter.cpu_ms(), lies)

    def _page_image(self, raster: Raster) -> PageImage:
        """Prepare the page as asked, and give it to whoever reads it.

        Where it must be a file, it is a BMP: nothing to encode, nothing to decode. Measured: the program tesseract 5.3
        takes 0.15 s less for an A4 page at 300 dpi than with the same pixels as PGM.
        """
        path = self._opening.scratch / "page.bmp"
        page = PageImage(path, raster.image.width, raster.image.height, raster.dpi, raster.image)
        return preprocess.prepare(page, self._opening.options, TesseractEngine().orientation)


def _open(opening: OpenDocument) -> PdfDocument | ImageDocument:
    limits = opening.limits
    with opening.source.open("rb") as file:
        media_type = media.sniff(file.read(media.HEAD_BYTES))
    if media_type == media.PDF:
        return PdfDocument(opening.source, opening.options.password, limits.render_dpi, limits.max_page_pixels)
    if media_type in FORMATS:
        return ImageDocument(opening.source, media_type, limits.max_page_pixels)
    raise UnsupportedMediaType("The file is neither a PDF nor a PNG, JPEG, TIFF, BMP, GIF or WebP image.")


class Meter:
    """What this process and the engines it started take, from now on."""

    def __init__(self) -> None:
        self._began = _cpu_seconds()

    def cpu_ms(self) -> int:
        """CPU time since, in milliseconds."""
        return round((_cpu_seconds() - self._began) * 1000)

    def peak_kb(self) -> int:
        """Most memory this process has had, or one it started, in KiB; pages shared with others count in full."""
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return max(resource.getrusage(kind).ru_maxrss for kind in kinds)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def page_read(number: int, reading: auto.Reading, duration_ms: int, meter: Meter) -> PageRead:
    """Put a page together from what was read on it."""
    page, found = reading.page, reading.text
    words = [{"text": clean(word.text), "confidence": word.confidence, "box": word.box} for word in found.words]
    transform = stored(page.transform)
    return PageRead(
        number=number,
        width=page.width,
        height=page.height,
        dpi=page.dpi,
        text=clean(found.text),
        confidence=found.confidence,
        engine=reading.engine,
        source="ocr",
        duration_ms=duration_ms,
        word_count=len(words),
        words_json=orjson.dumps(words),
        cpu_ms=meter.cpu_ms(),
        peak_kb=meter.peak_kb(),
        attempts=[replace(attempt, transform=transform) if attempt.kept else attempt for attempt in reading.attempts],
        transform=transform,
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
