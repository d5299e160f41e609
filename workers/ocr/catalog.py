"""What can be read with on this machine: installed, configured, and in working order."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from shared.config import Reading
from shared.errors import TwolaneError
from shared.services.engines import AUTO, EngineReport
from workers.ocr import engines

log = logging.getLogger(__name__)

NULL = "null"

_MAX_VERSION = 60
"""Characters of a version that are kept."""


def installed() -> list[EngineReport]:
    """Ask every engine for its version and language packs; those that can't answer are not installed.

    The last is what `auto` reads with here: the engines of its ladder that are installed.
    """
    settings = Reading()
    reports = [
        report
        for name in engines.names()
        if (name != NULL or settings.null_engine) and (report := _report(name)) is not None
    ]
    there = {report.name for report in reports}
    ladder = [name for name in settings.ladder if name in there]
    return [*reports, EngineReport(AUTO, "", ladder)] if ladder else reports


def _report(name: str) -> EngineReport | None:
    """What an engine says of itself; None, and a line in the log, where it can't."""
    try:
        engine = engines.load(name)
        return EngineReport(name, str(engine.version())[:_MAX_VERSION], _packs(engine.languages()))
    except TwolaneError as error:
        log.info("engine %s is not installed: %s", name, error)
    except (Exception, SystemExit):
        # Somebody else's code; whatever is wrong with it, this worker has others.
        log.exception("engine %s is left out: it can't say what it is", name)
    return None


def _packs(languages: Sequence[str]) -> list[str]:
    return sorted({str(language) for language in languages})
