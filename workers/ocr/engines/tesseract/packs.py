"""Where the system keeps tesseract's language packs: tesserocr's wheel brings none."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from shared.errors import EngineUnavailable

_PLACES: Final = (
    "/usr/share/tesseract-ocr/*/tessdata",  # Debian, Ubuntu
    "/usr/share/tessdata",  # Fedora, Alpine, Arch
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
_ASKING_SECONDS: Final = 10

OSD: Final = "osd"
"""The pack that tells which way up a page is and in which script; it reads nothing."""


def directory() -> Path:
    """Return the directory of packs: `TESSDATA_PREFIX`, else the `tesseract` program's, else where systems keep it.

    Raises:
        EngineUnavailable: there is none.
    """
    prefix = os.environ.get("TESSDATA_PREFIX")
    if not prefix:
        return _of_the_system()
    for place in (Path(prefix), Path(prefix) / "tessdata"):  # tesseract 3 wanted the directory above
        if _has_packs(place):
            return place
    raise EngineUnavailable(
        f"TESSDATA_PREFIX is {prefix!r}, where no file ends in .traineddata; set it to one's place."
    )


def installed(place: Path) -> tuple[str, ...]:
    """Return the names of the packs in a directory and those below it, sorted; `osd` is no language."""
    names = {path.relative_to(place).with_suffix("").as_posix() for path in place.glob("**/*.traineddata")}
    return tuple(sorted(names - {OSD}))


@cache
def _of_the_system() -> Path:
    roots = (sorted(Path("/").glob(place.lstrip("/")), reverse=True) for place in _PLACES)
    for place in [*_of_the_program(), *(path for root in roots for path in root)]:
        if _has_packs(place):
            return place
    raise EngineUnavailable(
        "Tesseract has no language packs here; install some, or set TESSDATA_PREFIX to their place."
    )


def _of_the_program() -> list[Path]:
    """Ask the program, which says `List of available languages in "/usr/share/tessdata/" (2):` in its first line."""
    try:
        asked = subprocess.run(
            ["tesseract", "--list-langs"],  # noqa: S607 - whichever is on the path is the operator's choice
            capture_output=True,
            text=True,
            timeout=_ASKING_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    said = asked.stdout.split('"')
    return [Path(said[1])] if len(said) > 1 else []


def _has_packs(place: Path) -> bool:
    return next(place.glob("**/*.traineddata"), None) is not None
