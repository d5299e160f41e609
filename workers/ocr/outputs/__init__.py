"""A document's outputs, made from its stored pages: `text` and `json` when it is closed, the others when asked for.

Every one is written a page at a time into a file and goes from there to the store: memory does not grow with the
document.
"""

from __future__ import annotations

from workers.ocr.outputs.closing import assemble

__all__ = ["assemble"]
