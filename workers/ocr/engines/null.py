"""The engine that reads nothing: for tests, and to measure everything around an engine."""

from __future__ import annotations

from workers.ocr.engine import OcrOptions, PageImage, PageText


class NullEngine:
    """Finds no words on any page, in any language."""

    name = "null"
    remote = False

    def version(self) -> str:
        """Return the version of nothing."""
        return "0"

    def languages(self) -> tuple[str, ...]:
        """Return no languages: it needs no packs."""
        return ()

    def prepare(self) -> None:
        """Load nothing."""

    def read(self, _page: PageImage, _options: OcrOptions) -> PageText:
        """Read nothing."""
        return PageText(text="")
