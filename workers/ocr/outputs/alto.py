"""ALTO 4: the layout as libraries and archives keep it beside their scans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from workers.ocr.engine import Word
from workers.ocr.layout import Block, Box, Line
from workers.ocr.outputs.stored import StoredPage
from workers.ocr.outputs.xml import attribute, element

_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" \
SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>{filename}</fileName></sourceImageInformation>
<Processing ID="OCR_1"><processingCategory>contentGeneration</processingCategory>\
<processingSoftware><softwareName>twolane</softwareName></processingSoftware></Processing>
</Description>
<Layout>
"""
_TAIL: Final = "</Layout>\n</alto>\n"


def write(filename: str, pages: Iterable[StoredPage]) -> Iterator[str]:
    """Yield the document in pieces. A page that could not be read is an empty one of QUALITY `Damaged`."""
    yield _HEAD.format(filename=element(filename))
    for page in pages:
        yield from _page(page)
    yield _TAIL


def _page(page: StoredPage) -> Iterator[str]:
    quality = "" if page.error is None else f' QUALITY="Damaged" QUALITY_DETAIL="{attribute(page.error)}"'
    yield (
        f'<Page ID="page_{page.number}" PHYSICAL_IMG_NR="{page.number}" '
        f'WIDTH="{page.width}" HEIGHT="{page.height}"{quality}>\n'
        f"<PrintSpace {_place((0, 0, page.width, page.height))}>\n"
    )
    for number, block in enumerate(page.blocks, start=1):
        yield from _block(block, f"{page.number}_{number}")
    yield "</PrintSpace>\n</Page>\n"


def _block(block: Block, name: str) -> Iterator[str]:
    yield f'<TextBlock ID="block_{name}" {_place(block.box)}>\n'
    for number, line in enumerate(block.lines, start=1):
        yield _line(line, f"{name}_{number}")
    yield "</TextBlock>\n"


def _line(line: Line, name: str) -> str:
    pieces = [_string(line.words[0])]
    for before, word in pairwise(line.words):
        pieces += [_space(before, word), _string(word)]
    return f'<TextLine ID="line_{name}" {_place(line.box)}>{"".join(pieces)}</TextLine>\n'


def _string(word: Word) -> str:
    return f'<String CONTENT="{attribute(word.text)}" {_place(word.box)} WC="{word.confidence:.2f}"/>'


def _space(before: Word, after: Word) -> str:
    """Return the space between two words, from left to right whichever comes first."""
    left, right = sorted((before.box, after.box))
    return f'<SP HPOS="{left[2]}" VPOS="{left[1]}" WIDTH="{max(0, right[0] - left[2])}"/>'


def _place(box: Box) -> str:
    return f'HPOS="{box[0]}" VPOS="{box[1]}" WIDTH="{box[2] - box[0]}" HEIGHT="{box[3] - box[1]}"'
