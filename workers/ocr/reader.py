"""The reading process: opens one document and answers questions about it until the worker hangs up.

Everything that touches untrusted bytes happens here. Every failure goes back as one of our errors.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection

import orjson
from PIL import Image

from shared import media
from shared.errors import EngineFailed, PageTooLarge, TwolaneError, UnsupportedMediaType
from workers.ocr import engines, guard, preprocess
from workers.ocr.engine import OcrOptions, PageImage, PageText
from workers.ocr.engines.tesseract import TesseractEngine
from workers.ocr.images import FORMATS, ImageDocument, Raster
from workers.ocr.pages import (
    Answer,
    Failed,
    FindTextLayers,
    OpenDocument,
    Opened,
    PageFailed,
    PageRead,
    RecognisePage,
    Request,
    TextLayers,
)
from workers.ocr.pdf import PdfDocument
from workers.ocr.text import clean

# Words come by the thousand and are never part of a cycle: looking for one after every 700 costs a tenth of the time.
_GARBAGE = 50_000


def preload() -> None:
    """Load what every reading process needs, in the process they are forked from."""
    Image.preinit()
    try:
        engines.load(engines.AUTO).languages()
    except TwolaneError:
        return  # no tesseract: the page that needs it says so


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
                connection.send(Opened(document.page_count))
            elif document is not None:
                for answer in document.answer(request):
                    connection.send(answer)
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - the worker must hear of it, whatever it is
            connection.send(Failed(as_ours(error)))


def as_ours(error: Exception) -> TwolaneError:
    """Return the error if it is ours, else one of ours that tells of it; the traceback travels as a note."""
    if isinstance(error, TwolaneError):
        return error
    if isinstance(error, MemoryError):
        return PageTooLarge("The page takes more memory than a page may; send it smaller or in parts.")
    failure = EngineFailed(f"Reading failed with {type(error).__name__}: {error}.")
    failure.add_note("".join(traceback.format_exception(error)))
    return failure


class DocumentReader:
    """One open document."""

    def __init__(self, opening: OpenDocument) -> None:
        os.environ.clear()
        os.environ.update(opening.environ)
        tempfile.tempdir = str(opening.scratch)  # engines' own files go where the worker removes them
        self._opening = opening
        self._document = _open(opening)
        self.page_count = self._document.page_count

    def answer(self, request: Request) -> Iterator[Answer]:
        """Yield the answers to one request."""
        if isinstance(request, FindTextLayers):
            yield from self._text_layers(request)
        elif isinstance(request, RecognisePage):
            yield self._recognise(request.number)

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
        started = time.monotonic()
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
        )

    def _recognise(self, number: int) -> PageRead | PageFailed:
        started = time.monotonic()
        try:
            engine = engines.load(self._opening.options.engine)
            page = self._page_image(self._document.raster(number))
            found = engine.read(page, OcrOptions(self._opening.options.languages))
        except Exception as error:  # noqa: BLE001 - one page fails, whatever it is
            return PageFailed(number, as_ours(error))
        return _page_read(number, page, found, engine.name, started)

    def _page_image(self, raster: Raster) -> PageImage:
        """Prepare the page as asked, and write it where the engine finds it."""
        options = self._opening.options
        image = raster.image
        if options.clean:
            image = preprocess.clean(image)
        if options.rotate and (turn := TesseractEngine().orientation(self._written(image, raster.dpi))):
            image = image.rotate(-turn, expand=True)
        if options.deskew:
            image = preprocess.deskew(image)
        return self._written(image, raster.dpi)

    def _written(self, image: Image.Image, dpi: int) -> PageImage:
        """Write the page as BMP: nothing to encode, nothing to decode.

        Measured: tesseract 5.3 takes 0.15 s less for an A4 page at 300 dpi than with the same pixels as PGM.
        """
        path = self._opening.scratch / "page.bmp"
        image.save(path, format="BMP")
        return PageImage(path, image.width, image.height, dpi)


def _open(opening: OpenDocument) -> PdfDocument | ImageDocument:
    limits = opening.limits
    with opening.source.open("rb") as file:
        media_type = media.sniff(file.read(media.HEAD_BYTES))
    if media_type == media.PDF:
        return PdfDocument(opening.source, opening.options.password, limits.render_dpi, limits.max_page_pixels)
    if media_type in FORMATS:
        return ImageDocument(opening.source, media_type, limits.max_page_pixels)
    raise UnsupportedMediaType("The file is neither a PDF nor a PNG, JPEG, TIFF, BMP, GIF or WebP image.")


def _page_read(number: int, page: PageImage, found: PageText, engine: str, started: float) -> PageRead:
    words = [{"text": clean(word.text), "confidence": word.confidence, "box": word.box} for word in found.words]
    return PageRead(
        number=number,
        width=page.width,
        height=page.height,
        dpi=page.dpi,
        text=clean(found.text),
        confidence=found.confidence,
        engine=engine,
        source="ocr",
        duration_ms=_since(started),
        word_count=len(words),
        words_json=orjson.dumps(words),
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
