"""The use case: one output of a final document is made from its stored pages and put into the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from shared.config import Reading
from shared.errors import NotArchivable, ObjectMissing, PasswordRequired, StorageUnavailable, TwolaneError
from shared.models import Document
from shared.services.outputs import media_type, result_key
from shared.values import DocumentFlag, ResultFormat
from workers.job import LeaseLost, Run
from workers.ocr.outputs import alto, hocr, markdown, tsv
from workers.ocr.outputs.stored import StoredPage, stored_pages
from workers.ocr.sandbox import Reader, ReadLimits, ReadOptions
from workers.ocr.searchable import lines
from workers.ocr.searchable.lines import PageWords
from workers.ocr.searchable.request import WritePdf

log = logging.getLogger(__name__)

Writer = Callable[[str, Iterable[StoredPage]], Iterator[str]]

_WRITERS: Final[dict[ResultFormat, Writer]] = {
    "markdown": markdown.write,
    "hocr": hocr.write,
    "alto": alto.write,
    "tsv": tsv.write,
}


def make_output(document_id: UUID, result_format: ResultFormat, run: Run) -> None:
    """Make one output; the same again if repeated.

    Raises:
        DocumentGone: the document is deleted, or read again.
        NotArchivable, CorruptFile, PasswordRequired: there is no such output of it, and why.
        Transient: try again.
    """
    document = run.services.outputs.to_make(document_id)
    key = result_key(document.id, document.generation, result_format)
    if result_format == "pdf" and DocumentFlag.SIGNED in document.flags:
        run.services.store.copy(document.source_key, key)
    else:
        _make(document, result_format, key, run)
    if not run.services.ledger.exists(document_id):
        # Deleted, and its files with it, before this one was written.
        run.services.store.delete_prefix(key)


def make_before_password_goes(document: Document, run: Run) -> None:
    """Make the PDF of a document that only its password opens: the password is erased when it is completed.

    What is in the way is no reason not to close the document: who asks later hears that its PDF takes a password.

    Raises:
        LeaseLost: stop.
        StorageUnavailable: try again.
    """
    if document.password is None or DocumentFlag.ENCRYPTED not in document.flags:
        return
    if DocumentFlag.SIGNED in document.flags:
        return  # it is given out as it came
    try:
        _make(document, "pdf", result_key(document.id, document.generation, "pdf"), run)
    except (LeaseLost, StorageUnavailable):
        raise
    except TwolaneError as error:
        log.warning("the PDF of %s could not be made: %s", document.id, error)


def _make(document: Document, result_format: ResultFormat, key: str, run: Run) -> None:
    with TemporaryDirectory(prefix="twolane-output-") as folder:
        target = Path(folder, "output")
        if writer := _WRITERS.get(result_format):
            with target.open("w", encoding="utf-8", newline="\n") as file:
                for piece in writer(document.filename, _pages(document, run)):
                    file.write(piece)
        else:
            _write_pdf(document, Path(folder), target, run, archival=result_format == "pdfa")
        run.check()
        run.services.store.put_file(key, target, media_type(result_format))


def _pages(document: Document, run: Run) -> Iterator[StoredPage]:
    for page in stored_pages(run.services.ledger.finals(document.id), run.services.store):
        run.check()
        yield page


def _write_pdf(document: Document, folder: Path, target: Path, run: Run, *, archival: bool) -> None:
    if archival and DocumentFlag.SIGNED in document.flags:
        message = "The PDF is signed: any change, and so making it a PDF/A, would break its signature."
        raise NotArchivable(message)
    source = folder / "source"
    request = WritePdf(folder / "words", target, document.filename, archival)
    run.services.store.get_file(document.source_key, source)
    lines.store(_words(_pages(document, run)), request.words)
    try:
        _have_written(source, document.password, request)
    except PasswordRequired as error:
        if not (archival and _made_before(document, source, run)):
            message = "The PDF takes a password, which was erased when the document was completed. Send it again."
            raise PasswordRequired(message) from error
        lines.store((), request.words)  # they are in it
        _have_written(source, None, request)


def _made_before(document: Document, path: Path, run: Run) -> bool:
    """Fetch the PDF that was made while there was a password; tell whether there is one."""
    try:
        run.services.store.get_file(result_key(document.id, document.generation, "pdf"), path)
    except ObjectMissing:
        return False
    return True


def _words(pages: Iterable[StoredPage]) -> Iterator[PageWords]:
    """Yield what goes over the pages that were recognised; those with text of their own are left alone."""
    for page in pages:
        if page.recognised:
            words = [[(word.text, word.box) for word in line.words] for block in page.blocks for line in block.lines]
            yield PageWords(page.number, page.dpi, page.transform, words)


def _have_written(source: Path, password: str | None, request: WritePdf) -> None:
    """Have the PDF written by a process that can be killed: it parses what strangers sent."""
    settings = Reading()
    limits = ReadLimits(
        page_timeout_seconds=settings.page_timeout_seconds,
        max_page_pixels=settings.max_page_pixels,
        max_pages=settings.max_pages,
        render_dpi=settings.render_dpi,
    )
    with Reader(source, ReadOptions(password=password), limits) as reader:
        reader.write_pdf(request)
