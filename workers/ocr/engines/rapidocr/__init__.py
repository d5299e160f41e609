"""The `rapidocr` engine: its models, in a pipeline of our own. Importing this loads no model and no library for one."""

from __future__ import annotations

from workers.ocr.engines.rapidocr.engine import RapidOcrEngine

__all__ = ["RapidOcrEngine"]
