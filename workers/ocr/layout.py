"""A page's text and words, put back together: paragraphs of lines of words, each with its box.

The text says which words share a line and a paragraph, the words say where they are. Walking the two together needs no
imaging library, and gives every output, and who looks for fields, the same lines.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from workers.ocr.engine import Word

Box = tuple[int, int, int, int]

_LOOKAHEAD: Final = 16
"""Words in a row that may be missing from the text before those after them find their place again."""

_OVERLAP: Final = 0.5
"""Share of the lower word's height by which two words must overlap to be on one line."""

_REACH: Final = 4.0
"""Heights of a line between two words of it, at most, where the text does not say that they are on one."""

_PARAGRAPH_GAP: Final = 0.6
"""Heights of a line by which a gap between two lines exceeds the usual one where a paragraph ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """Words side by side, in reading order."""

    words: tuple[Word, ...]
    box: Box

    @property
    def text(self) -> str:
        """The words with a space between them."""
        return " ".join(word.text for word in self.words)

    @property
    def height(self) -> int:
        """Pixels from the top of its highest letter to the bottom of its lowest."""
        return self.box[3] - self.box[1]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or what stands alone as one: a heading, a cell, a caption."""

    lines: tuple[Line, ...]
    box: Box

    @property
    def text(self) -> str:
        """The lines with a line feed between them."""
        return "\n".join(line.text for line in self.lines)


def layout(text: str, words: Sequence[Word]) -> list[Block]:
    """Put a page together.

    Args:
        text: words with a space between them, lines with a line feed, paragraphs with an empty line.
        words: in the same order. One that is not in the text goes where its box says.

    Returns:
        Paragraphs in reading order, with every word that is not blank, each once. Text without words leaves no trace:
        nobody knows where it is.
    """
    kept = [word for word in words if word.text.strip()]
    lines, paragraphs = _text_lines(text)
    groups = _grouped(kept, _places(lines, kept), paragraphs)
    if len(groups) == 1:  # a text layer has no empty lines: what its paragraphs are, only their distances tell
        groups = list(_apart(groups[0]))
    return [_block(group) for group in groups]


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all, of which there is at least one."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _text_lines(text: str) -> tuple[list[list[str]], list[int]]:
    """Return the words of each line that has any, and the number of each line's paragraph."""
    lines: list[list[str]] = []
    paragraphs: list[int] = []
    paragraph = 0
    for raw in text.split("\n"):
        if found := raw.split():
            lines.append(found)
            paragraphs.append(paragraph)
        else:
            paragraph = len(lines)
    return lines, paragraphs


def _places(lines: Sequence[Sequence[str]], words: Sequence[Word]) -> list[int | None]:
    """Return, for each word, the line of the text it stands in; None where it does not."""
    tokens = [token for line in lines for token in line]
    line_of = [number for number, line in enumerate(lines) for _ in line]
    pieces = [(piece, owner) for owner, word in enumerate(words) for piece in word.text.split()]
    places: list[int | None] = [None] * len(words)
    for token, piece in _matched(tokens, [piece for piece, _ in pieces]):
        owner = pieces[piece][1]
        if places[owner] is None:
            places[owner] = line_of[token]
    return places


def _matched(tokens: Sequence[str], pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield indices of tokens and pieces that are the same, both ascending; linear, whatever is sent."""
    pairs = _Pairs(tokens)
    token = piece = 0
    while token < len(tokens) and piece < len(pieces):
        if tokens[token] != pieces[piece]:
            found = pairs.meet(token, pieces, piece)
            if found is None:
                piece += 1
                continue
            token, piece = found
        yield token, piece
        token, piece = token + 1, piece + 1


class _Pairs:
    """Where two words follow each other in the text: a word alone may be anywhere; made when first needed."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._where: dict[tuple[str, str], list[int]] | None = None

    def meet(self, token: int, pieces: Sequence[str], piece: int) -> tuple[int, int] | None:
        """Return the nearest pair of indices from which text and words go on together; None if there is none near."""
        met = []
        for ahead in range(piece, min(piece + _LOOKAHEAD, len(pieces))):
            following = pieces[ahead + 1] if ahead + 1 < len(pieces) else ""
            if (found := self._next((pieces[ahead], following), token)) is not None:
                met.append((found, ahead))
        return min(met, key=sum, default=None)

    def _next(self, pair: tuple[str, str], start: int) -> int | None:
        if self._where is None:
            self._where = defaultdict(list)
            for index, both in enumerate(pairwise((*self._tokens, ""))):
                self._where[both].append(index)
        found = self._where.get(pair, ())
        index = bisect_left(found, start)
        return found[index] if index < len(found) else None


def _grouped(words: Sequence[Word], places: Sequence[int | None], paragraphs: Sequence[int]) -> list[list[list[Word]]]:
    """Cut the words into lines and those into paragraphs: by the text, or by their boxes where it is silent."""
    groups: list[list[list[Word]]] = []
    current: int | None = None  # the line of the text that the last line is
    for index, word in enumerate(words):
        place = places[index]
        beside = bool(groups) and _beside(groups[-1][-1][-1], word)
        if place is None and not beside and index + 1 < len(words) and _beside(word, words[index + 1]):
            place = places[index + 1]  # it opens a line whose second word may be in the text
        if not groups:
            groups.append([[word]])
        elif (place == current and place is not None) or (beside and None in {place, current}):
            groups[-1][-1].append(word)
        elif place is None or current is None or paragraphs[place] == paragraphs[current]:
            groups[-1].append([word])
        else:
            groups.append([[word]])
        current = current if place is None else place
    return groups


def _beside(first: Word, second: Word) -> bool:
    """Whether two words overlap in height and are no further apart than words of a line are."""
    left, right = sorted((first.box, second.box))
    height = max(1, min(left[3] - left[1], right[3] - right[1]))
    overlap = min(left[3], right[3]) - max(left[1], right[1])
    return overlap >= _OVERLAP * height and right[0] - left[2] <= _REACH * height


def _apart(lines: list[list[Word]]) -> Iterator[list[list[Word]]]:
    """Cut lines into paragraphs where the distance to the next is larger than usual, or a new column begins."""
    boxes = [union(word.box for word in line) for line in lines]
    usual = median([below[1] - above[3] for above, below in pairwise(boxes)] or [0])
    height = median([box[3] - box[1] for box in boxes] or [0])
    group: list[list[Word]] = []
    for index, line in enumerate(lines):
        if group:
            gap = boxes[index][1] - boxes[index - 1][3]
            if gap > usual + _PARAGRAPH_GAP * height or gap < -2 * height:
                yield group
                group = []
        group.append(line)
    if group:
        yield group


def _block(group: list[list[Word]]) -> Block:
    lines = tuple(Line(tuple(words), union(word.box for word in words)) for words in group)
    return Block(lines, union(line.box for line in lines))
