"""Tesseract inside this process, from tesserocr's wheel. A crash of it ends the process, which is made for that."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

from shared.errors import EngineFailed
from workers.ocr.engine import PageImage
from workers.ocr.engines.tesseract import packs

_DEFAULT: Final = "eng"

_MODELS: Final = 4
"""Language combinations kept loaded; a document has one, and its orientation another."""

# tesseract would comment on every page.
_SILENT: Final = {"debug_file": os.devnull}


def installed() -> bool:
    """Tell whether the wheel is there."""
    return find_spec("tesserocr") is not None


def _tesserocr() -> ModuleType:
    """Import it when first needed: where there is no wheel, this module is imported all the same."""
    return import_module("tesserocr")


class InProcess:
    """Tesseract as a library; one object a language combination, made before a fork or after it."""

    def version(self) -> str:
        """Return the version of the library.

        Raises:
            EngineUnavailable: there are no packs to read with.
        """
        packs.directory()
        return str(_tesserocr().tesseract_version()).split()[1]

    def languages(self) -> tuple[str, ...]:
        """Return the packs the system has, sorted.

        Raises:
            EngineUnavailable: it has none.
        """
        return packs.installed(packs.directory())

    def forget_languages(self) -> None:
        """Do nothing: they are looked for each time."""

    def prepare(self) -> None:
        """Load the default language, if it is there."""
        if _DEFAULT in self.languages():
            _model(str(packs.directory()), _DEFAULT)

    def table(self, page: PageImage, languages: str) -> str:
        """Return the page's TSV.

        Raises:
            EngineFailed: tesseract gave up.
        """
        model = _model(str(packs.directory()), languages)
        _show(model, page)
        if not model.Recognize():
            raise EngineFailed(
                f"Tesseract cannot read a page of {page.width} x {page.height} pixels; each side may have 32,767."
            )
        found: str = model.GetTSVText(0)
        model.Clear()
        return found

    def orientation(self, page: PageImage) -> tuple[int, float]:
        """Return the degrees clockwise to turn the page by, and the confidence.

        Raises:
            EngineFailed: the pack `osd` is missing.
        """
        model = _model(str(packs.directory()), packs.OSD)
        _show(model, page)
        found = model.DetectOrientationScript()
        model.Clear()
        if not found:
            return 0, 0.0
        # It says by how much the page is turned.
        return -found["orient_deg"] % 360, float(found["orient_conf"])


def _show(model: Any, page: PageImage) -> None:
    image = page.image()
    model.SetImageBytes(image.tobytes(), image.width, image.height, 1, image.width)
    model.SetSourceResolution(page.print_dpi or page.dpi)


@lru_cache(_MODELS)
def _model(directory: str, languages: str) -> Any:
    tesserocr = _tesserocr()
    mode = tesserocr.PSM.OSD_ONLY if languages == packs.OSD else tesserocr.PSM.AUTO
    try:
        return tesserocr.PyTessBaseAPI(path=directory + os.sep, lang=languages, psm=mode, variables=_SILENT)
    except RuntimeError as error:
        raise EngineFailed(f"Tesseract cannot load {languages} from {directory}: {error}.") from error
