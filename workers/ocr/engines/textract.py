"""The `textract` engine: Amazon Textract, page by page.

Documents that are read as a whole are asked for in `workers.ocr.whole`, which uses what is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

from shared.adapters.textract import MAX_IMAGE_BYTES, MAX_IMAGE_SIDE, Block, Textract
from shared.config import Textract as Settings
from shared.errors import AnswerLost, EngineRefused, EngineUnavailable
from shared.services.budgets import micros_of
from workers.ocr.calls import Terms
from workers.ocr.engine import OcrOptions, PageImage, PageText, Word
from workers.ocr.text import clean

LANGUAGES: Final = ("deu", "eng", "fra", "ita", "por", "spa")
"""What Textract reads, in tesseract's names: https://aws.amazon.com/textract/faqs/"""

_PARAGRAPH: Final = 0.8
"""A gap of so much of a line's height between it and the next begins a paragraph; Textract tells lines alone."""


class TextractEngine:
    """Amazon Textract, where `TEXTRACT_ENABLED` says so; finds out the language by itself."""

    name = "textract"
    remote = True

    def __init__(self) -> None:
        self._settings = Settings()

    def version(self) -> str:
        """Return the version of its API.

        Raises:
            EngineUnavailable: it is not enabled.
        """
        if not self._settings.textract_enabled:
            raise EngineUnavailable("The engine textract is not enabled: set TEXTRACT_ENABLED=true, as it costs money.")
        return "2018-06-27"

    def languages(self) -> tuple[str, ...]:
        """Return what it reads, sorted."""
        return LANGUAGES

    def prepare(self) -> None:
        """Load nothing."""

    def terms(self) -> Terms:
        """Return what it may be asked, and what a page costs."""
        settings = self._settings
        monthly = micros_of(settings.textract_monthly_dollars)
        return Terms(settings.textract_rate, monthly, micros_of(settings.textract_page_dollars))

    @cached_property
    def client(self) -> Textract:
        """The service."""
        return Textract()

    def read(self, page: PageImage, _options: OcrOptions) -> PageText:
        """Read one page.

        Raises:
            EngineUnavailable: it is not enabled, or this role may not use it.
            EngineRefused: it does not read such a page.
            Throttled, EngineUnreachable: later, perhaps.
            AnswerLost: likewise, but it may have been charged.
        """
        self.version()
        image = page.file().read_bytes()
        if len(image) > MAX_IMAGE_BYTES or max(page.width, page.height) > MAX_IMAGE_SIDE:
            raise EngineRefused(
                f"The page is too large for Textract: {page.width} x {page.height} pixels, {len(image) / 1e6:.1f} MB; "
                "it takes 10,000 pixels a side and 10 MB. Read it with another engine."
            )
        return page_text(self.client.detect(image), page.width, page.height, self.terms().page_micros)


def page_text(blocks: Iterable[Block], width: int, height: int, micros: int) -> PageText:
    """Put the words of a page together, in the order of its lines.

    Args:
        blocks: of the page: lines, words, and what is of no use here.
        width: of the page in pixels; geometry comes as shares of it.
        height: likewise.
        micros: what the page cost.

    Raises:
        AnswerLost: they are not what Textract sends.
    """
    try:
        known = {str(block["Id"]): block for block in blocks}
        lines = [block for block in known.values() if block["BlockType"] == "LINE"]
        texts: list[str] = []
        words: list[Word] = []
        above: Word | None = None
        for line in lines:
            found = [_word(known[part], width, height) for part in _parts(line)]
            found = [word for word in found if word.text]
            if not found:
                continue
            if above is not None:
                texts.append(_gap(above, found[0]))
            texts.append(" ".join(word.text for word in found))
            words += found
            above = found[0]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnswerLost("Textract answered with blocks that make no sense.") from error
    return PageText("".join(texts), words, micros)


def _parts(line: Block) -> Sequence[str]:
    """The ids of a line's words, in order."""
    return [part for tie in line.get("Relationships") or () if tie["Type"] == "CHILD" for part in tie["Ids"]]


def _gap(above: Word, below: Word) -> str:
    """What comes between two lines, given their first words."""
    height = max(above.box[3] - above.box[1], 1)
    # A line that is not below begins a column, or what stands beside.
    apart = below.box[1] - above.box[3] > _PARAGRAPH * height or below.box[1] < above.box[1] - height
    return "\n\n" if apart else "\n"


def _word(block: Block, width: int, height: int) -> Word:
    text = "".join(clean(str(block["Text"])).split())
    box: dict[str, Any] = block["Geometry"]["BoundingBox"]
    left, top = float(box["Left"]) * width, float(box["Top"]) * height
    right, bottom = left + float(box["Width"]) * width, top + float(box["Height"]) * height
    x0, y0 = _within(left, width - 1), _within(top, height - 1)
    sides = (x0, y0, max(_within(right, width), x0 + 1), max(_within(bottom, height), y0 + 1))
    return Word(text, round(min(max(float(block["Confidence"]) / 100, 0.0), 1.0), 4), sides)


def _within(value: float, most: int) -> int:
    return round(min(max(value, 0), max(most, 0)))
