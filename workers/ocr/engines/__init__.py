"""The engines there are, by name; an engine is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from shared.errors import EngineUnavailable, UnknownEngine
from workers.ocr.engine import OcrEngine

ENGINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tesseract": "workers.ocr.engines.tesseract:TesseractEngine",
        "rapidocr": "workers.ocr.engines.rapidocr:RapidOcrEngine",
        "deepseek": "workers.ocr.engines.deepseek:DeepSeekEngine",
        "textract": "workers.ocr.engines.textract:TextractEngine",
        "null": "workers.ocr.engines.null:NullEngine",
    }
)
"""Engine names and where their classes are, `module:Class`."""

AUTO: Final = "tesseract"
"""What `auto` means."""

_NOT_BUILT: Final = frozenset({"deepseek", "textract"})


def load(name: str) -> OcrEngine:
    """Return the engine called `name`, or `auto`; one instance a process.

    Raises:
        UnknownEngine: there is no such engine.
        EngineUnavailable: there is, but not in this installation.
    """
    if name in _NOT_BUILT:
        raise EngineUnavailable(f"The engine {name!r} is not installed here; use {AUTO!r}.")
    if name != "auto" and name not in ENGINES:
        raise UnknownEngine(f"There is no engine {name!r}; there are: {', '.join(sorted(ENGINES))}.")
    return _load(AUTO if name == "auto" else name)


@cache
def _load(name: str) -> OcrEngine:
    module, _, class_name = ENGINES[name].partition(":")
    return cast("OcrEngine", getattr(import_module(module), class_name)())
