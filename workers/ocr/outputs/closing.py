"""What is written when a document is closed: its text, and everything as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from shared.adapters.s3 import S3Store
from shared.models import Document, Page
from shared.services.ledger import Ledger
from shared.services.outputs import media_type, result_key
from shared.services.verdict import Summary
from shared.values import ResultFormat
from workers.ocr.outputs.stored import Words

PAGE_BREAK = b"\f"


def assemble(document: Document, summary: Summary, ledger: Ledger, store: S3Store) -> None:
    """Write text and JSON of a document into the store; the same again if repeated.

    Raises:
        StorageUnavailable: try again.
    """
    words = Words(store)
    with TemporaryDirectory(prefix="twolane-outputs-") as folder:
        text, json = Path(folder, "text"), Path(folder, "json")
        with text.open("wb") as text_file, json.open("wb") as json_file:
            json_file.write(b'{"document":' + _head(document, summary) + b',"pages":[')
            for index, page in enumerate(ledger.finals(document.id)):
                text_file.write((PAGE_BREAK if index else b"") + (page.text or "").encode())
                json_file.writelines(_json(page, words, first=index == 0))
            json_file.write(b"]}")
        formats: dict[ResultFormat, Path] = {"text": text, "json": json}
        for name, path in formats.items():
            store.put_file(result_key(document.id, document.generation, name), path, media_type(name))


def _head(document: Document, summary: Summary) -> bytes:
    return orjson.dumps(
        {
            "id": document.id,
            "filename": document.filename,
            "media_type": document.media_type,
            "size_bytes": document.size_bytes,
            "sha256": document.sha256,
            "page_count": document.page_count,
            "languages": document.options["languages"],
            "confidence": summary.confidence,
            "metadata": document.user_metadata,
            "created_at": document.created_at,
        }
    )


def _json(page: Page, words: Words, *, first: bool) -> Iterator[bytes]:
    """One page, its words spliced in as the bytes they are."""
    fields: dict[str, Any] = {
        "number": page.number,
        "status": page.status.value,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "text": page.text,
        "confidence": page.confidence,
        "engine": page.engine,
        "source": page.source,
        "duration_ms": page.duration_ms,
    }
    if page.error_code:
        fields["error"] = {"code": page.error_code, "message": page.error_message}
    yield b"" if first else b","
    yield orjson.dumps(fields)[:-1] + b',"words":' + words.of(page) + b"}"
