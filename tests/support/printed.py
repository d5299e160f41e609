"""Words as an engine reads them, from lines of text: two spaces are a wide gap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workers.extraction.values import PageWords
from workers.ocr.engine import Word
from workers.ocr.pdf import PdfDocument

_LETTER, _HEIGHT, _LEADING = 12, 20, 30
_GAP = 60


def page(*lines: str, number: int = 1, confidence: float = 1.0) -> PageWords:
    """A page of these lines, one under the other."""
    words = [word for row, line in enumerate(lines) for word in _line(line, 40 + row * _LEADING, confidence)]
    return PageWords(number, 1000, max(1400, 100 + len(lines) * _LEADING), "\n".join(lines), words)


def _line(line: str, y: int, confidence: float) -> Iterator[Word]:
    x = 40
    for cell in line.split("  "):
        for text in cell.split():
            width = _LETTER * len(text)
            yield Word(text, confidence, (x, y, x + width, y + _HEIGHT))
            x += width + _LETTER // 2
        x += _GAP


def born_digital(body: bytes, scratch: Path) -> list[PageWords]:
    """The pages of a PDF as its text layer has them."""
    source = scratch / "document.pdf"
    source.write_bytes(body)
    document = PdfDocument(source, None, 300, 100_000_000)
    found = []
    for number in range(1, document.page_count + 1):
        layer = document.text_layer(number)
        assert layer is not None, "the page has no text layer"
        words = [
            Word(text, 1.0, (box[0], box[1], box[2], box[3]))
            for text, box in zip(layer.words, layer.boxes, strict=True)
        ]
        found.append(PageWords(number, layer.width, layer.height, layer.text, words))
    document.close()
    return found
