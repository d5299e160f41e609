"""What one page or document may cost to read, and with which engines."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.config.base import Settings
from shared.config.data import MIB


class Reading(Settings):
    """What one page or document may cost.

    Attributes:
        page_timeout_seconds: a page that takes longer is failed and its process killed.
        max_page_pixels: pixels of a rendered page or a decoded image; A3 at 300 dpi has 17 million.
        max_pages: pages read of one document; AWS Textract's asynchronous limit.
        render_dpi: what PDF pages are rendered at; tesseract is trained for about 300.
        inline_pages: documents with no more pages to recognise than this are read in one task.
        source_cache_dir: where workers of one machine keep the documents they are reading.
        source_cache_bytes: how much of them.
        null_engine: offer the `null` engine, which reads nothing; for tests and benchmarks.
        auto_engines: what `auto` may read a page with, by comma, weakest first.
    """

    page_timeout_seconds: float = Field(default=120, gt=0)
    max_page_pixels: int = 100_000_000
    max_pages: int = 3000
    render_dpi: int = 300
    inline_pages: int = Field(default=3, ge=1)
    source_cache_dir: Path | None = None
    source_cache_bytes: int = 4096 * MIB
    null_engine: bool = False
    auto_engines: str = "tesseract,rapidocr"

    @property
    def ladder(self) -> tuple[str, ...]:
        """The names in `auto_engines`."""
        return tuple(name.strip() for name in self.auto_engines.split(",") if name.strip())


class Remote(Settings):
    """`REMOTE_PAGES_AT_ONCE`: pages of one document that are asked of a remote engine at the same time."""

    remote_pages_at_once: int = Field(default=2, ge=1, le=32)
