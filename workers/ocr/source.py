"""The document's own file, fetched once a machine.

A long document is read by many jobs; each would fetch it again. It is kept in a cache on disk until the document is
closed, and each job works on a hard link of its own, so that nothing is pulled from under a reader.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from shared.adapters.s3 import S3Store
from shared.config import Reading
from shared.models import Document


class SourceCache:
    """Files of documents being read, least recently used first to go.

    Args:
        store: where documents come from.
        settings: `source_cache_dir` and `source_cache_bytes`.
    """

    def __init__(self, store: S3Store, settings: Reading) -> None:
        self._store = store
        self._dir = settings.source_cache_dir or Path(tempfile.gettempdir()) / f"twolane-sources-{os.getuid()}"
        self._limit = settings.source_cache_bytes

    @contextmanager
    def open(self, document: Document) -> Iterator[Path]:
        """Give the path of a document's file, good until the block ends.

        Raises:
            ObjectMissing: the store does not have it.
            StorageUnavailable: try again.
        """
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        link = self._dir / f"{document.id}.{uuid4().hex}.job"
        try:
            self._link(document, link)
            yield link
        finally:
            link.unlink(missing_ok=True)

    def forget(self, document_id: UUID) -> None:
        """Drop a document's file; who still reads it keeps their link."""
        (self._dir / str(document_id)).unlink(missing_ok=True)

    def _link(self, document: Document, link: Path) -> None:
        cached = self._dir / str(document.id)
        try:
            os.link(cached, link)
            os.utime(cached)
        except FileNotFoundError:
            self._store.get_file(document.source_key, link)
            self._keep(link, cached)

    def _keep(self, link: Path, cached: Path) -> None:
        try:
            os.link(link, cached)
        except FileExistsError:
            return  # another job of this machine was first, with the same bytes
        self._evict(cached)

    def _evict(self, newest: Path) -> None:
        """Keep the cache under its limit, and clean up links that killed jobs left."""
        entries = sorted((entry for entry in self._dir.iterdir() if entry != newest), key=_modified, reverse=True)
        total = newest.stat().st_size
        for entry in entries:
            total += _size(entry) if entry.suffix != ".job" else 0
            if total > self._limit:
                entry.unlink(missing_ok=True)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
