"""Markdown (CommonMark, tables as GitHub has them): headings by the size of their type, lists, tables, paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from workers.ocr.layout import Block, Line
from workers.ocr.outputs.stored import StoredPage
from workers.ocr.outputs.tables import Row, table_at

PAGE_BREAK: Final = "\n---\n\n"
"""A rule between pages; no line of text can look like it, for it would be escaped."""

_HEADINGS: Final = ((1.8, "# "), (1.5, "## "), (1.3, "### "))
"""How much higher than the body's a line is, and what it is then; upper and lower case alone make 1.2."""

_HEADING_WORDS: Final = 12
"""More words make no heading, however large they are printed."""

_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>|~&]")
_OPENING: Final = re.compile(r"^(?:([#+=-])|(\d{1,9})([.)])(?=\s|$))")
_BULLETS: Final = frozenset("\u2022\u25e6\u25aa\u25ab\u25cf\u25cb\u2023\u2043\u00b7\u25a0\u25a1-\u2013\u2014*")
_NUMBER: Final = re.compile(r"^(\d{1,9})[.)]$")


def write(filename: str, pages: Iterable[StoredPage]) -> Iterator[str]:
    """Yield the document in pieces; a page that could not be read is a comment that says so."""
    del filename
    for index, page in enumerate(pages):
        if index:
            yield PAGE_BREAK
        if page.error is not None:
            yield f"<!-- page {page.number} could not be read: {re.sub(r'[^a-z_]', '', page.error)} -->\n"
        yield from _page(page.blocks)


def escaped(text: str) -> str:
    """Return a line of text that Markdown shows as it is."""
    text = _SPECIAL.sub(r"\\\g<0>", text)
    return _OPENING.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text)


def _page(blocks: Sequence[Block]) -> Iterator[str]:
    body = _body_height(blocks)
    pieces = [piece for block in _with_tables(blocks) for piece in _pieces(block, body)]
    if pieces:
        yield "\n\n".join(pieces) + "\n"


def _body_height(blocks: Sequence[Block]) -> float:
    """Return the height of the line that the page's middle word stands in: most words are body text."""
    lines = sorted((line.height, len(line.words)) for block in blocks for line in block.lines)
    middle = sum(count for _, count in lines) / 2
    for height, count in lines:
        middle -= count
        if middle <= 0:
            return height
    return 0


def _with_tables(blocks: Sequence[Block]) -> Iterator[tuple[Sequence[Line], list[Row]]]:
    """Yield paragraphs as lines without rows, and tables as rows without lines; tables go across paragraphs."""
    lines = [line for block in blocks for line in block.lines]
    starts = {id(block.lines[0]) for block in blocks}
    paragraph: list[Line] = []
    index = 0
    while index < len(lines):
        rows = table_at(lines, index)
        if paragraph and (rows or id(lines[index]) in starts):
            yield paragraph, []
            paragraph = []
        if rows:
            yield [], rows
            index += len(rows)
        else:
            paragraph.append(lines[index])
            index += 1
    if paragraph:
        yield paragraph, []


def _pieces(part: tuple[Sequence[Line], list[Row]], body: float) -> Iterator[str]:
    lines, rows = part
    if rows:
        yield _table(rows)
    elif mark := _heading(lines, body):
        yield mark + escaped(" ".join(_text(line) for line in lines))
    else:
        yield from _items(lines)


def _table(rows: Sequence[Row]) -> str:
    written = ["| " + " | ".join(escaped(" ".join(cell.text.split())) for cell in row) + " |" for row in rows]
    return "\n".join([written[0], "|" + " --- |" * len(rows[0]), *written[1:]])


def _heading(lines: Sequence[Line], body: float) -> str:
    words = sum(len(line.words) for line in lines)
    lowest = min(line.height for line in lines)
    if words > _HEADING_WORDS or not body or not any(letter.isalpha() for line in lines for letter in line.text):
        return ""
    return next((mark for factor, mark in _HEADINGS if lowest >= factor * body), "")


def _items(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the paragraph, or what stands above its list and the list: a line without a mark goes on with the item."""
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        mark, text = _marked(line)
        if mark or not items:
            items.append((mark, [text]))
        else:
            items[-1][1].append(text)
    if not _counts([mark for mark, _ in items if mark[:1].isdigit()]):
        items = [("", [_text(line) for line in lines])]
    if not items[0][0]:
        yield "\n".join(escaped(text) for text in items.pop(0)[1])
    if items:
        yield "\n".join(mark + f"\n{' ' * len(mark)}".join(map(escaped, texts)) for mark, texts in items)


def _counts(marks: Sequence[str]) -> bool:
    """Whether the numbers follow each other: Markdown would number them so, whatever is printed."""
    numbers = [int(mark.rstrip(". ")) for mark in marks]
    return all(after == before + 1 for before, after in pairwise(numbers))


def _marked(line: Line) -> tuple[str, str]:
    """Return the mark of a list's item and the text behind it; no mark and the whole line where it is none."""
    first, text = line.words[0].text, _text(line)
    behind = " ".join(text.split(" ")[1:])
    if behind and len(line.words) > 1:
        if first in _BULLETS:
            return "- ", behind
        if number := _NUMBER.match(first):
            return f"{number[1]}. ", behind
    return "", text


def _text(line: Line) -> str:
    return " ".join(line.text.split())
