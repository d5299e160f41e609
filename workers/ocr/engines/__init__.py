"""The engines there are, by name: our own, and those of other packages. Each is imported when it is first asked for.

A package brings an engine by an entry point of the group `twolane.engines`: its name is the engine's, its value the
class, which is made without arguments and does what `workers.ocr.engine.OcrEngine` says.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final, cast

from shared.errors import EngineUnavailable, UnknownEngine
from workers.ocr.engine import OcrEngine

log = logging.getLogger(__name__)

ENGINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tesseract": "workers.ocr.engines.tesseract:TesseractEngine",
        "rapidocr": "workers.ocr.engines.rapidocr:RapidOcrEngine",
        "deepseek": "workers.ocr.engines.deepseek:DeepSeekEngine",
        "textract": "workers.ocr.engines.textract:TextractEngine",
        "null": "workers.ocr.engines.null:NullEngine",
    }
)
"""Names of our own engines and where their classes are, `module:Class`."""

AUTO: Final = "tesseract"
"""What `auto` means."""

GROUP: Final = "twolane.engines"
"""The entry points of engines that other packages bring."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_METHODS: Final = ("version", "languages", "prepare", "read")


def names() -> Sequence[str]:
    """Every engine there may be here, our own first."""
    return [*ENGINES, *sorted(_others())]


def load(name: str) -> OcrEngine:
    """Return the engine called `name`, or `auto`; one instance a process.

    Raises:
        UnknownEngine: there is no such engine.
        EngineUnavailable: there is, but it can't be used in this installation.
    """
    return _load(AUTO if name == "auto" else name)


def forget() -> None:
    """Ask anew what is installed, and make engines anew, by the settings of then."""
    _others.cache_clear()
    _load.cache_clear()


@cache
def _load(name: str) -> OcrEngine:
    if name in ENGINES:
        module, _, class_name = ENGINES[name].partition(":")
        return cast("OcrEngine", getattr(import_module(module), class_name)())
    if name in _others():
        return _of_another(name, _others()[name])
    raise UnknownEngine(f"There is no engine {name!r}; there are: {', '.join(sorted(names()))}.")


@cache
def _others() -> Mapping[str, EntryPoint]:
    """The engines of other packages; a name that is taken, or is none, is logged and left out."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else "a package"
        if point.name in ENGINES or point.name == "auto":
            log.error("%s brings an engine named %s, which is ours; it is left out", package, point.name)
        elif point.name in found:
            log.error("%s brings another engine named %s; it is left out", package, point.name)
        elif not _NAME.fullmatch(point.name):
            log.error("%s brings an engine named %r; names are like an-engine-2; it is left out", package, point.name)
        else:
            found[point.name] = point
    return found


def _of_another(name: str, point: EntryPoint) -> OcrEngine:
    """Make an engine of another package.

    Raises:
        EngineUnavailable: its package is broken, whatever the way.
    """
    try:
        engine = point.load()()
        lacking = [method for method in _METHODS if not callable(getattr(engine, method, None))]
        lacking += [] if getattr(engine, "name", None) == name else [f"name = {name!r}"]
        lacking += [] if isinstance(getattr(engine, "remote", None), bool) else ["remote, a bool"]
    except (Exception, SystemExit) as error:
        log.exception("the engine %s (%s) can't be loaded", name, point.value)
        raise EngineUnavailable(f"The engine {name!r} is broken: its package can't be loaded.") from error
    if lacking:
        log.error("the engine %s (%s) is no engine: it lacks %s", name, point.value, ", ".join(lacking))
        raise EngineUnavailable(f"The engine {name!r} is broken: it lacks {', '.join(lacking)}.")
    return cast("OcrEngine", engine)
