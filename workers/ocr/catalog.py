"""What can be read with on this machine."""

from __future__ import annotations

import logging

from shared.config import Reading
from shared.errors import TwolaneError
from shared.services.engines import EngineReport
from workers.ocr import engines

log = logging.getLogger(__name__)

NULL = "null"


def installed() -> list[EngineReport]:
    """Ask every engine for its version and language packs; those that can't answer are not installed."""
    reports = []
    for name in engines.ENGINES:
        if name == NULL and not Reading().null_engine:
            continue
        try:
            engine = engines.load(name)
            reports.append(EngineReport(name, engine.version(), engine.languages()))
        except TwolaneError as error:
            log.info("engine %s is not installed: %s", name, error)
    return reports
