"""hOCR 1.2: the layout as XHTML that browsers show and OCR tools read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from workers.ocr.layout import Block, Box, Line
from workers.ocr.outputs.stored import StoredPage
from workers.ocr.outputs.xml import attribute, element

_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title>{title}</title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8" />
<meta name="ocr-system" content="twolane" />
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf" />
</head>
<body>
"""
_TAIL: Final = "</body>\n</html>\n"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})


def write(filename: str, pages: Iterable[StoredPage]) -> Iterator[str]:
    """Yield the document in pieces. A page that could not be read is an empty one whose title has `x_error`."""
    yield _HEAD.format(title=element(filename))
    for page in pages:
        yield from _page(page, filename)
    yield _TAIL


def right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction is of a script written from right to left."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in strong if kind in {"L", "R", "AL"}), "L") in _RIGHT_TO_LEFT


def _page(page: StoredPage, filename: str) -> Iterator[str]:
    name = filename.replace("\\", "\\\\").replace('"', '\\"')
    title = f'image "{name}"; {_bbox((0, 0, page.width, page.height))}; ppageno {page.number - 1}'
    title += f"; scan_res {page.dpi} {page.dpi}" if page.error is None else f"; x_error {page.error}"
    yield f'<div class="ocr_page" id="page_{page.number}" title="{attribute(title)}">\n'
    for number, block in enumerate(page.blocks, start=1):
        yield from _block(block, f"{page.number}_{number}")
    yield "</div>\n"


def _block(block: Block, name: str) -> Iterator[str]:
    box = _bbox(block.box)
    direction = ' dir="rtl"' if right_to_left(block.text) else ""
    yield f'<div class="ocr_carea" id="block_{name}" title="{box}">\n'
    yield f'<p class="ocr_par" id="par_{name}"{direction} title="{box}">\n'
    for number, line in enumerate(block.lines, start=1):
        yield _line(line, f"{name}_{number}")
    yield "</p>\n</div>\n"


def _line(line: Line, name: str) -> str:
    words = " ".join(
        f'<span class="ocrx_word" id="word_{name}_{number}" title="{_bbox(word.box)}; '
        f'x_wconf {round(word.confidence * 100)}">{element(word.text)}</span>'
        for number, word in enumerate(line.words, start=1)
    )
    return f'<span class="ocr_line" id="line_{name}" title="{_bbox(line.box)}">{words}</span>\n'


def _bbox(box: Box) -> str:
    return "bbox {} {} {} {}".format(*box)
