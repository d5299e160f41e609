"""Pages as they are stored, with their words parsed: what outputs are written from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from shared.adapters.s3 import S3Store
from shared.models import Page
from shared.values import PageStatus
from workers.ocr.engine import Word
from workers.ocr.geometry import Transform
from workers.ocr.layout import Block, layout


@dataclass(frozen=True, slots=True)
class StoredPage:
    """One page of a document that is final.

    Attributes:
        number: of the page, from 1.
        width: pixels of the page as read; 0 where it could not be read.
        height: likewise.
        dpi: dots per inch of those pixels; 0 likewise.
        recognised: an engine read it; else its text was in the file.
        transform: from pixels as read to the page in the file, as `workers.ocr.pages.Transform` says.
        blocks: its paragraphs.
        error: the code of what went wrong, for a page that could not be read.
    """

    number: int
    width: int
    height: int
    dpi: int
    recognised: bool
    transform: Transform | None
    blocks: tuple[Block, ...]
    error: str | None = None


class Words:
    """The words of pages, read in order: pages that lie in one object fetch it once."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._key: str | None = None
        self._body = b""

    def of(self, page: Page) -> bytes:
        """A page's words as JSON, `[{text, confidence, box}]`."""
        if not page.words_key:
            return b"[]"
        if page.words_key != self._key:
            self._key, self._body = page.words_key, self._store.get(page.words_key)
        start = page.words_offset or 0
        return self._body[start : start + (page.words_length or 0)]


def stored_pages(pages: Iterable[Page], store: S3Store) -> Iterator[StoredPage]:
    """Yield pages of the ledger with their words, in order.

    Raises:
        StorageUnavailable: try again.
    """
    words = Words(store)
    for page in pages:
        yield _stored(page, words) if page.status == PageStatus.DONE else _failed(page)


def _stored(page: Page, words: Words) -> StoredPage:
    text = page.text or ""
    width, height = page.width or 0, page.height or 0
    found = [Word(word["text"], word["confidence"], tuple(word["box"])) for word in orjson.loads(words.of(page))]
    return StoredPage(
        number=page.number,
        width=width,
        height=height,
        dpi=page.dpi or 0,
        recognised=page.source == "ocr",
        transform=_transform(page),
        blocks=tuple(layout(text, found or spread(text, width, height, page.confidence or 0.0))),
    )


def _failed(page: Page) -> StoredPage:
    return StoredPage(page.number, 0, 0, 0, recognised=False, transform=None, blocks=(), error=page.error_code or "")


def _transform(page: Page) -> Transform | None:
    kept = next((attempt for attempt in page.attempts or () if attempt["kept"]), None)
    stored = (kept or {}).get("transform")
    return tuple(stored) if stored else None


def spread(text: str, width: int, height: int, confidence: float) -> list[Word]:
    """Give words to a page that was read without any boxes: each line gets an equal strip of the page.

    Engines that answer in plain text know no places; their pages are found by search all the same, on the right page.
    """
    lines = text.split("\n")
    words = []
    for number, line in enumerate(lines):
        top, bottom = height * number // len(lines), height * (number + 1) // len(lines)
        letters, end = max(1, len(line)), 0
        for token in line.split():
            start = line.index(token, end)
            end = start + len(token)
            words.append(Word(token, confidence, (width * start // letters, top, width * end // letters, bottom)))
    return words
