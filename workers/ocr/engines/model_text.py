"""From what a vision model writes about a page to words with boxes.

Models write plain text, Markdown, or DeepSeek-OCR's grounded output: blocks, each begun by
`<|ref|>WHAT<|/ref|><|det|>[[x0, y0, x1, y1]]<|/det|>`, with coordinates from 0 to 999 over the page's width and height.
WHAT is the kind of the block, whose text follows (`Convert the document to markdown.`), or the text of a line itself
(`OCR this image.`). https://github.com/deepseek-ai/DeepSeek-OCR

What a model writes is not to be trusted: it may be anything of any length, and models run into loops.

Boxes are as good as the model gives them. Inside a grounded block, lines share its height evenly and words their line's
width by their letters. Words without a block have the whole page as their box.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from typing import Final

from shared.errors import UnusableAnswer
from workers.ocr.engine import PageText, Word
from workers.ocr.text import clean

UNKNOWN_CONFIDENCE: Final = 0.5
"""Of words from servers that don't say how probable their tokens were: neither trusted nor doubted."""

MAX_CHARACTERS: Final = 200_000
"""Of one page; forty columns of tiny print have a fifth of them."""

GRID: Final = 999
"""The highest coordinate; a model that knows its page to a thousandth."""

LONGEST_PERIOD: Final = 400
"""Characters of what is looked for as a loop."""

LOOP_REPEATS: Final = 12
LOOP_CHARACTERS: Final = 600
"""A text whose end repeats itself so often, over so many characters, is a loop: no page ends like that."""

SAME_LINES: Final = 40
"""So many equal lines in a row are one as well; longer tables have something in their cells."""

Box = tuple[int, int, int, int]

_BLOCK: Final = re.compile(
    r"<\|ref\|>(?P<ref>(?:(?!<\|).)*)<\|/ref\|>\s*<\|det\|>(?P<det>(?:(?!<\|).)*)<\|/det\|>"
    # The same from a server that leaves special tokens out.
    r"|^(?P<bare>[a-z_]{3,20})(?P<bare_det>\[\[[\d.,\s]{7,60}\]\])[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_SPECIAL: Final = re.compile(r"<[|\uff5c][^|\uff5c<>\n]{1,40}[|\uff5c]>|<image>")
_NUMBER: Final = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
_FENCE: Final = re.compile(r"^\s*```[a-z]*[ \t]*$", re.MULTILINE)
_TAG_ROW: Final = re.compile(r"<\s*(?:/tr|br\s*/?|/p|/div|/h\d|/li)\s*>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
_RULE: Final = re.compile(r"[ \t]*\|?[ \t:|+-]*-{3}[ \t:|+-]*")
_MARK: Final = re.compile(
    r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)|\*\*|__(?=\S)|(?<=\S)__|!\[[^\]\n]*\]\([^)\n]*\)", re.MULTILINE
)
_REFUSAL: Final = re.compile(
    r"(?:I'm|I am|I\u2019m) (?:sorry|unable)\b.{0,120}\b(?:image|assist|help|request|text|document)|"
    r"(?:Sorry, )?(?:but )?I (?:can't|cannot|can\u2019t) (?:assist|help|read|process|extract|transcribe|see|view)\b",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_REFUSAL: Final = 300


@dataclass(frozen=True, slots=True)
class Page:
    """The page that was shown to the model, in pixels."""

    width: int
    height: int

    @property
    def box(self) -> Box:
        """All of it."""
        return (0, 0, max(self.width, 1), max(self.height, 1))


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of text and where they are; `ends` is what comes between it and the next."""

    text: str
    box: Box | None
    confidence: float
    ends: str


class Certainty:
    """How sure the model was of what it wrote.

    Args:
        answer: what it wrote.
        logprobs: its tokens, each with the natural logarithm of its probability; None where nobody knows.
    """

    def __init__(self, answer: str, logprobs: Sequence[tuple[str, float]] | None) -> None:
        self._logprobs = [logprob for _, logprob in logprobs or ()]
        lengths = [len(token) for token, _ in logprobs or ()]
        # Servers leave some tokens out of the text; then nobody knows which belong to what.
        self._starts = [0, *accumulate(lengths)][:-1] if sum(lengths) == len(answer) else []

    def between(self, start: int, end: int) -> float:
        """The geometric mean of the probabilities of the tokens of a part of the answer; of all, if need be."""
        part = self._logprobs
        if self._starts:
            part = part[max(bisect_right(self._starts, start) - 1, 0) : bisect_right(self._starts, end - 1)] or part
        return round(exp(sum(part) / len(part)), 4) if part else UNKNOWN_CONFIDENCE


def read(answer: str, page: Page, logprobs: Sequence[tuple[str, float]] | None = None) -> PageText:
    """Turn an answer into words.

    Raises:
        UnusableAnswer: it is too long, a loop, or a refusal.
    """
    refuse_nonsense(answer)
    texts: list[str] = []
    words: list[Word] = []
    gap = ""
    for block in _blocks(answer, page, Certainty(answer, logprobs)):
        laid = _laid_out(block, page)
        if laid is not None:
            texts += [gap, laid.text]
            words += laid.words
            gap = block.ends
    return PageText("".join(texts), words)


def refuse_nonsense(answer: str) -> None:
    """Tell what no page says.

    Raises:
        UnusableAnswer: naming what it is.
    """
    if len(answer) > MAX_CHARACTERS:
        raise UnusableAnswer(f"The model wrote {len(answer)} characters about one page, more than any holds.")
    if _loops(answer):
        raise UnusableAnswer("The model ran into a loop: the end of its answer repeats itself.")
    if len(answer) <= _LONGEST_REFUSAL and _REFUSAL.match(answer.strip()):
        raise UnusableAnswer("The model refused to read the page.")


def _loops(answer: str) -> bool:
    tail = answer[-LONGEST_PERIOD * (LOOP_REPEATS + 2) :].rstrip()
    backwards = tail[::-1]
    for period in range(1, LONGEST_PERIOD + 1):
        if backwards[:8] != backwards[period : period + 8]:
            continue
        same = next(
            (index for index in range(len(backwards) - period) if backwards[index] != backwards[index + period]),
            len(backwards) - period,
        )
        if same + period >= max(LOOP_CHARACTERS, period * LOOP_REPEATS):
            return True
    # A loop whose boxes move on, or that stopped by itself.
    in_a_row, before = 0, ""
    for line in _BLOCK.sub(lambda block: block["ref"] or "", answer).split("\n"):
        if stripped := line.strip():
            in_a_row = in_a_row + 1 if stripped == before else 1
            before = stripped
            if in_a_row >= SAME_LINES and any(character.isalnum() for character in stripped):
                return True
    return False


def _blocks(answer: str, page: Page, certainty: Certainty) -> Iterator[_Block]:
    """Yield the blocks of an answer in its order; all of a plain one is paragraphs without boxes."""
    found = list(_BLOCK.finditer(answer))
    first = found[0].start() if found else len(answer)
    for start, end in _paragraphs(answer, first):
        yield _Block(answer[start:end], None, certainty.between(start, end), "\n\n")
    ends = [*(block.start() for block in found[1:]), len(answer)]
    # Either all name the kind of what follows them, or all are lines themselves.
    kinds = any(answer[block.end() : end].strip() for block, end in zip(found, ends, strict=False))
    for block, end in zip(found, ends, strict=False):
        box = _box(block["det"] or block["bare_det"] or "", page)
        if kinds:
            yield _Block(answer[block.end() : end], box, certainty.between(block.end(), end), "\n\n")
        elif block["ref"] is not None:
            yield _Block(block["ref"], box, certainty.between(*block.span("ref")), "\n")


def _paragraphs(answer: str, end: int) -> Iterator[tuple[int, int]]:
    """Where the paragraphs of the beginning of an answer begin and end."""
    start = 0
    for gap in re.finditer(r"\n[ \t]*\n\s*", answer[:end]):
        yield start, gap.start()
        start = gap.end()
    yield start, end


def _box(det: str, page: Page) -> Box | None:
    """The box around all boxes of a block; None where it says none that makes sense."""
    numbers = [min(float(number), GRID) / GRID for number in _NUMBER.findall(det)[:400]]
    if len(numbers) < 4 or len(numbers) % 4:  # noqa: PLR2004 - a box has four sides
        return None
    left, right = min(numbers[0::4]), max(numbers[2::4])
    top, bottom = min(numbers[1::4]), max(numbers[3::4])
    if left >= right or top >= bottom:
        return None
    return _pixels(left * page.width, top * page.height, right * page.width, bottom * page.height, page)


def _pixels(left: float, top: float, right: float, bottom: float, page: Page) -> Box:
    """Whole pixels of the page, one at least."""
    x0 = min(max(int(left), 0), max(page.width - 1, 0))
    y0 = min(max(int(top), 0), max(page.height - 1, 0))
    return (
        x0,
        y0,
        min(max(round(right), x0 + 1), max(page.width, 1)),
        min(max(round(bottom), y0 + 1), max(page.height, 1)),
    )


def _laid_out(block: _Block, page: Page) -> PageText | None:
    """Give every word of a block its place; None for a block without any."""
    lines = [words for line in plain(block.text).split("\n") if (words := line.split())]
    if not lines:
        return None
    longest = max(len(" ".join(words)) for words in lines)
    placed: list[Word] = []
    for row, words in enumerate(lines):
        column = 0
        for word in words:
            box = page.box
            if block.box is not None:
                box = _share(block.box, (row, len(lines)), (column, len(word), longest), page)
            placed.append(Word(word, block.confidence, box))
            column += len(word) + 1
    return PageText("\n".join(" ".join(words) for words in lines), placed)


def _share(box: Box, row: tuple[int, int], letters: tuple[int, int, int], page: Page) -> Box:
    """The part of a box that belongs to a word.

    Args:
        box: of the block.
        row: the number of its line, and how many there are.
        letters: the number of its first letter in the line, its length, and the letters of the longest line.
        page: which it must not leave.
    """
    x0, y0, x1, y1 = box
    (number, rows), (first, length, whole) = row, letters
    height, width = (y1 - y0) / rows, (x1 - x0) / whole
    return _pixels(
        x0 + first * width, y0 + number * height, x0 + (first + length) * width, y0 + (number + 1) * height, page
    )


def plain(text: str) -> str:
    """Text without the marks of Markdown, HTML and the model's own; rows of tables are lines, cells are words apart."""
    text = _FENCE.sub("", _SPECIAL.sub("", clean(text)))
    if "<" in text:
        text = _TAG.sub(" ", _TAG_ROW.sub("\n", text))
    text = html.unescape(text)
    lines = []
    for line in text.split("\n"):
        if _RULE.fullmatch(line):
            continue
        # The row of a table; one bar alone is text.
        lines.append(line.replace("|", " ") if line.lstrip().startswith("|") else line)
    return clean(_MARK.sub("", "\n".join(lines)))
