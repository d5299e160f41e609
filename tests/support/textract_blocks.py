"""What Textract finds on a page, as it sends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

Json = dict[str, Any]


def page_blocks(lines: Sequence[str], page: int = 1, top: float = 0.1) -> list[Json]:
    """The blocks of a page whose lines stand one below the other, each word with a tenth of the width."""
    found: list[Json] = [{"BlockType": "PAGE", "Id": str(uuid4()), "Page": page}]
    words: list[Json] = []
    for number, line in enumerate(lines):
        at = top + number * 0.1
        texts = [_block("WORD", page, text, column / 10, at) for column, text in enumerate(line.split())]
        whole = _block("LINE", page, line, 0.0, at)
        whole["Relationships"] = [{"Type": "CHILD", "Ids": [word["Id"] for word in texts]}]
        found.append(whole)
        words += texts
    return found + words


def _block(kind: str, page: int, text: str, left: float, top: float) -> Json:
    box = {"Left": left, "Top": top, "Width": 0.09, "Height": 0.08}
    return {
        "BlockType": kind,
        "Id": str(uuid4()),
        "Page": page,
        "Text": text,
        "Confidence": 97.5,
        "Geometry": {"BoundingBox": box},
    }
