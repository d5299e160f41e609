"""Tesseract, one call a page: its TSV has words, boxes and confidences, and the text is put together from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytesseract

from shared.errors import EngineFailed, EngineUnavailable, UnknownLanguage
from workers.ocr.engine import OcrOptions, PageImage, PageText, Word

_WORD_LEVEL: Final = "5"
_NO_WORD: Final = -1.0

_LEAST_ORIENTATION_CONFIDENCE: Final = 2.0
"""Tesseract's own figure for a page it is sure to be turned; upright pages come out at 0 degrees, whatever it is."""


class TesseractEngine:
    """The `tesseract` program, found on the path or named by `TESSERACT_CMD`."""

    name = "tesseract"
    remote = False

    def version(self) -> str:
        """Return its version, e.g. `5.3.0`.

        Raises:
            EngineUnavailable: it is not installed.
        """
        _configure()
        try:
            return str(pytesseract.get_tesseract_version())
        except (OSError, SystemExit) as error:
            raise _missing() from error

    def languages(self) -> tuple[str, ...]:
        """Return the packs installed, sorted; `osd` is no language.

        Raises:
            EngineUnavailable: it is not installed.
        """
        return _languages(*_configure())

    def prepare(self) -> None:
        """Ask for the packs, once."""
        self.languages()

    def read(self, page: PageImage, options: OcrOptions) -> PageText:
        """Read one page.

        Raises:
            EngineUnavailable: tesseract is not installed.
            EngineFailed: it crashed or gave up; with the last thing it said.
            UnknownLanguage: a pack is missing.
        """
        self._check_languages(options.languages)
        table = _run(page, "tsv", "+".join(options.languages), "-c tessedit_create_tsv=1")
        try:
            return _page_text(table)
        except ValueError as error:
            raise EngineFailed(f"Tesseract wrote something else than the table asked for: {error}.") from error

    def orientation(self, page: PageImage) -> int:
        """Return by how many degrees clockwise the page must be turned to stand upright: 0, 90, 180 or 270.

        0 for a page with too little text to tell.
        """
        try:
            report = _run(page, "osd", "osd", "--psm 0")
        except EngineFailed:
            return 0
        fields = dict(line.split(": ", 1) for line in report.splitlines() if ": " in line)
        sure = float(fields.get("Orientation confidence", 0)) >= _LEAST_ORIENTATION_CONFIDENCE
        return int(fields.get("Rotate", 0)) % 360 if sure else 0

    def _check_languages(self, wanted: tuple[str, ...]) -> None:
        """Refuse packs that are missing: tesseract reads on without them if it has any of those asked for."""
        where = _configure()
        if set(wanted) <= set(_languages(*where)):
            return
        _languages.cache_clear()  # a pack may have been installed since
        missing = sorted(set(wanted) - set(_languages(*where)))
        if missing or not wanted:
            have = ", ".join(_languages(*where)) or "none"
            raise UnknownLanguage(
                f"Tesseract has no language {' or '.join(missing) or 'given'} here; installed: {have}."
            )


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
            config=f"--dpi {page.dpi} {config}",
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


# --- what it writes


def _page_text(table: str) -> PageText:
    """Put words, and the text with its lines and paragraphs, together from a TSV."""
    words: list[Word] = []
    pieces: list[str] = []
    place: tuple[str, ...] = ()
    for here, word in _rows(table):
        if words:
            pieces.append(" " if here == place else "\n" if here[:-1] == place[:-1] else "\n\n")
        pieces.append(word.text)
        words.append(word)
        place = here
    return PageText("".join(pieces), words)


def _rows(table: str) -> Iterator[tuple[tuple[str, ...], Word]]:
    """Yield each word with its block, paragraph and line.

    Columns: level, page, block, paragraph, line, word, left, top, width, height, confidence (0-100, -1 for none), text.
    """
    for row in table.splitlines()[1:]:
        fields = row.split("\t", 11)
        if len(fields) < 12 or fields[0] != _WORD_LEVEL:  # noqa: PLR2004 - the number of columns above
            continue
        confidence, text = float(fields[10]), fields[11].strip()
        if not text or confidence == _NO_WORD:
            continue
        left, top, width, height = map(int, fields[6:10])
        box = (left, top, left + width, top + height)
        yield tuple(fields[2:5]), Word(text, round(confidence / 100, 4), box)
