"""Tesseract: its TSV has words, boxes and confidences, and the text is put together from it.

It runs in this process, from tesserocr's wheel, which saves starting a program and loading its model for every page:
0.7 x the CPU time of a call on an A4 page. Where `TESSERACT_CMD` names a program, or there is no wheel for the machine,
the program reads. Both take their language packs from where the system keeps them.
"""

from __future__ import annotations

import os
from typing import Final, Protocol

from shared.errors import EngineFailed, UnknownLanguage
from workers.ocr.engine import OcrOptions, PageImage, PageText
from workers.ocr.engines.tesseract import in_process, program, table

_LEAST_ORIENTATION_CONFIDENCE: Final = 2.0
"""Tesseract's own figure for a page it is sure to be turned; upright pages come out at 0 degrees, whatever it is."""


class Tesseract(Protocol):
    """A way to tesseract."""

    def version(self) -> str:
        """Its version, e.g. `5.5.4`."""
        ...

    def languages(self) -> tuple[str, ...]:
        """The packs there are, sorted, without `osd`."""
        ...

    def forget_languages(self) -> None:
        """Look for packs anew when next asked."""
        ...

    def prepare(self) -> None:
        """Load what every page needs."""
        ...

    def table(self, page: PageImage, languages: str) -> str:
        """The page's TSV."""
        ...

    def orientation(self, page: PageImage) -> tuple[int, float]:
        """How far the page must be turned clockwise, in degrees, and how sure that is; `(0, 0.0)` for too little text.

        Needs the pack `osd`.
        """
        ...


class TesseractEngine:
    """Tesseract from the wheel, or the program named by `TESSERACT_CMD`."""

    name = "tesseract"
    remote = False

    def __init__(self) -> None:
        self._program = program.Program()
        self._wheel = in_process.InProcess() if in_process.installed() else None

    def version(self) -> str:
        """Return its version, e.g. `5.5.4`.

        Raises:
            EngineUnavailable: it is not installed.
        """
        return self._tesseract().version()

    def languages(self) -> tuple[str, ...]:
        """Return the packs installed, sorted; `osd` is no language.

        Raises:
            EngineUnavailable: it is not installed.
        """
        return self._tesseract().languages()

    def prepare(self) -> None:
        """Load the default language."""
        self._tesseract().prepare()

    def read(self, page: PageImage, options: OcrOptions) -> PageText:
        """Read one page.

        Raises:
            EngineUnavailable: tesseract is not installed.
            EngineFailed: it crashed or gave up; with the last thing it said.
            UnknownLanguage: a pack is missing.
        """
        self._check_languages(options.languages)
        found = self._tesseract().table(page, "+".join(options.languages))
        try:
            return table.page_text(found)
        except ValueError as error:
            raise EngineFailed(f"Tesseract wrote something else than the table asked for: {error}.") from error

    def orientation(self, page: PageImage) -> int:
        """Return by how many degrees clockwise the page must be turned to stand upright: 0, 90, 180 or 270.

        0 for a page with too little text to tell.

        Raises:
            EngineUnavailable: tesseract is not installed.
        """
        try:
            degrees, confidence = self._tesseract().orientation(page)
        except EngineFailed:
            return 0
        return degrees if confidence >= _LEAST_ORIENTATION_CONFIDENCE else 0

    def _tesseract(self) -> Tesseract:
        """The environment decides anew each time: the process that forks was started with the worker's first one."""
        return self._program if self._wheel is None or os.environ.get("TESSERACT_CMD") else self._wheel

    def _check_languages(self, wanted: tuple[str, ...]) -> None:
        """Refuse packs that are missing: tesseract reads on without them if it has any of those asked for."""
        tesseract = self._tesseract()
        if wanted and set(wanted) <= set(tesseract.languages()):
            return
        tesseract.forget_languages()  # a pack may have been installed since
        have = tesseract.languages()
        missing = sorted(set(wanted) - set(have))
        if missing or not wanted:
            raise UnknownLanguage(
                f"Tesseract has no language {' or '.join(missing) or 'given'} here; "
                f"installed: {', '.join(have) or 'none'}."
            )
