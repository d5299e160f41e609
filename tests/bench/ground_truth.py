"""Scanned receipts with what they say, given by `--data DIR`, and the share of their words that was read.

`DIR` holds receipts as the ICDAR 2019 SROIE challenge published them: `NAME.jpg` beside `NAME.csv`, a line of text a
row, `x1,y1,x2,y2,x3,y3,x4,y4,TRANSCRIPT`; the transcript may contain commas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

_COORDINATES: Final = 8
_OTHER_CHARACTERS: Final = re.compile(r"[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class Receipt:
    """One scan: `words` are those printed on it, without order."""

    name: str
    image: Path
    words: Counter[str]

    def grey(self) -> Image.Image:
        """The scan as a page is given to engines."""
        with Image.open(self.image) as opened:
            return opened.convert("L")


def receipts(folder: Path) -> list[Receipt]:
    """The receipts in a folder, by name.

    Raises:
        FileNotFoundError: there are none.
    """
    found = [_receipt(image) for image in sorted(folder.glob("*.jpg")) if image.with_suffix(".csv").exists()]
    if not found:
        message = f"{folder} holds no receipts: NAME.jpg beside NAME.csv are expected."
        raise FileNotFoundError(message)
    return found


def _receipt(image: Path) -> Receipt:
    rows = image.with_suffix(".csv").read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [row.split(",", _COORDINATES)[-1] for row in rows if row.count(",") >= _COORDINATES]
    return Receipt(image.stem, image, words("\n".join(lines)))


def words(text: str) -> Counter[str]:
    """The words between white space, in upper case, without anything but the letters A to Z and digits."""
    bare = (_OTHER_CHARACTERS.sub("", token.upper()) for token in text.split())
    return Counter(word for word in bare if word)


def f1(expected: Counter[str], found: Counter[str]) -> float:
    """The harmonic mean (0-1) of the share of words found and the share of found words that are right."""
    both = expected.total() + found.total()
    return 2 * (expected & found).total() / both if both else 1.0


def mean(values: Iterable[float]) -> float:
    """The mean over receipts: each counts the same, however long."""
    listed = list(values)
    return sum(listed) / len(listed)
