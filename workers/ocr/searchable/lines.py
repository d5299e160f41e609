"""The words of pages on their way from the worker to the process that writes them: JSON, one page a line.

This module loads no imaging library: the worker imports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from workers.ocr.geometry import Transform

Box = tuple[int, int, int, int]
LineOfWords = Sequence[tuple[str, Box]]


@dataclass(frozen=True, slots=True)
class PageWords:
    """What goes over one page.

    Attributes:
        number: of the page, from 1.
        dpi: dots per inch of the boxes' pixels.
        transform: from pixels as read to pixels of the page in the file; None where they are the same.
        lines: words with their boxes.
    """

    number: int
    dpi: int
    transform: Transform | None
    lines: Sequence[LineOfWords]


def store(pages: Iterable[PageWords], path: Path) -> None:
    """Write pages into a file, ascending."""
    with path.open("wb") as file:
        for page in pages:
            file.write(orjson.dumps(page) + b"\n")


def load(path: Path) -> Iterator[PageWords]:
    """Yield the pages of a file, one in memory at a time."""
    with path.open("rb") as file:
        for line in file:
            fields = orjson.loads(line)
            fields["transform"] = fields["transform"] and tuple(fields["transform"])
            fields["lines"] = [[(text, tuple(box)) for text, box in words] for words in fields["lines"]]
            yield PageWords(**fields)
