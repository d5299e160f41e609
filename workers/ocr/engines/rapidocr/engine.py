"""The engine: finds lines, cuts them out of the page at full resolution, reads them, orders them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from shared.errors import EngineFailed, UnknownLanguage
from workers.ocr.engine import OcrOptions, PageImage, PageText
from workers.ocr.engines.rapidocr.languages import LANGUAGES

if TYPE_CHECKING:
    from workers.ocr.engines.rapidocr.models import Models


class RapidOcrEngine:
    """PP-OCRv6's small models. They read all their languages at once, whichever are asked for."""

    name = "rapidocr"
    remote = False

    def version(self) -> str:
        """Return the version of the package the models are of.

        Raises:
            EngineUnavailable: it is not installed.
        """
        from workers.ocr.engines.rapidocr import models  # noqa: PLC0415 - loads numpy

        return models.package_version()

    def languages(self) -> tuple[str, ...]:
        """Return what it reads, sorted."""
        return LANGUAGES

    def prepare(self) -> None:
        """Load the models and run them once, so that forked processes share them.

        Raises:
            EngineUnavailable: they are not installed.
        """
        from workers.ocr.engines.rapidocr.pipeline import warm  # noqa: PLC0415 - as above

        warm(_models())

    def read(self, page: PageImage, options: OcrOptions) -> PageText:
        """Read one page.

        Raises:
            EngineUnavailable: the models are not installed.
            EngineFailed: they could not be run on this page.
            UnknownLanguage: a language they were not taught.
        """
        from workers.ocr.engines.rapidocr.pipeline import read  # noqa: PLC0415 - as above

        if missing := sorted(set(options.languages) - set(LANGUAGES)):
            raise UnknownLanguage(f"rapidocr does not read {' or '.join(missing)}; it reads: {', '.join(LANGUAGES)}.")
        models = _models()
        try:
            return read(page.image(), models)
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineFailed(f"The models of rapidocr failed on the page: {error}.") from error


@cache
def _models() -> Models:
    from workers.ocr.engines.rapidocr import models  # noqa: PLC0415 - as above

    return models.load()
