"""Tesseract as a program, one call a page."""

from __future__ import annotations

import os
from functools import cache

import pytesseract

from shared.errors import EngineFailed, EngineUnavailable
from workers.ocr.engine import PageImage


class Program:
    """The `tesseract` program, found on the path or named by `TESSERACT_CMD`."""

    def version(self) -> str:
        """Return its version.

        Raises:
            EngineUnavailable: it is not installed.
        """
        _configure()
        try:
            return str(pytesseract.get_tesseract_version())
        except (OSError, SystemExit) as error:
            raise _missing() from error

    def languages(self) -> tuple[str, ...]:
        """Return the packs it has, sorted.

        Raises:
            EngineUnavailable: it is not installed.
        """
        return _languages(*_configure())

    def forget_languages(self) -> None:
        """Ask for the packs anew next time."""
        _languages.cache_clear()

    def prepare(self) -> None:
        """Ask for the packs, once."""
        self.languages()

    def table(self, page: PageImage, languages: str) -> str:
        """Return the page's TSV.

        Raises:
            EngineFailed: it crashed or gave up; with the last thing it said.
            EngineUnavailable: it is not installed.
        """
        return _run(page, "tsv", languages, "-c tessedit_create_tsv=1")

    def orientation(self, page: PageImage) -> tuple[int, float]:
        """Return the degrees clockwise to turn it by, and the confidence.

        Raises:
            EngineFailed: too little text, among other reasons.
            EngineUnavailable: it is not installed.
        """
        report = _run(page, "osd", "osd", "--psm 0")
        fields = dict(line.split(": ", 1) for line in report.splitlines() if ": " in line)
        return int(fields.get("Rotate", 0)) % 360, float(fields.get("Orientation confidence", 0))


def _configure() -> tuple[str, str]:
    """Point pytesseract at the program; return it and where its packs are, which is what results depend on."""
    command = os.environ.get("TESSERACT_CMD") or "tesseract"
    pytesseract.pytesseract.tesseract_cmd = command
    # Pages are read side by side; threads inside one only fight over the cores (and are slower even alone).
    os.environ["OMP_THREAD_LIMIT"] = "1"
    return command, os.environ.get("TESSDATA_PREFIX", "")


@cache
def _languages(_command: str, _packs: str) -> tuple[str, ...]:
    """Ask once: it takes a process of 20 ms."""
    try:
        found = pytesseract.get_languages()
    except OSError as error:
        raise _missing() from error
    return tuple(sorted({str(language) for language in found} - {"osd"}))


def _run(page: PageImage, extension: str, languages: str, config: str) -> str:
    """Return what tesseract writes about the page. A path goes in as it is; an image would be encoded first."""
    _configure()
    try:
        output = pytesseract.pytesseract.run_and_get_output(
            str(page.file()),
            extension=extension,
            lang=languages,
            config=f"--dpi {page.print_dpi or page.dpi} {config}",
            return_bytes=True,
        )
    except pytesseract.TesseractError as error:
        raise EngineFailed(
            f"Tesseract ended with status {error.status}: {error.message or 'it said nothing'}."
        ) from error
    except OSError as error:
        raise _missing() from error
    return bytes(output).decode("utf-8", "replace")


def _missing() -> EngineUnavailable:
    command = os.environ.get("TESSERACT_CMD") or "tesseract"
    return EngineUnavailable(f"Tesseract cannot be started as {command!r}; install it, or set TESSERACT_CMD to it.")
