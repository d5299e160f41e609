"""The project's own documents: what the demo reads, and what tests and benchmarks are fed.

The files beside this module are made by `python -m infra.samples.make_samples` and committed; `NAME.txt` next to each
is what it says, one form feed between pages. Every company, person and address in them is invented.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

NAMES = ("receipt-photo.jpg", "letter-scan.png", "three-pages.tiff", "born-digital.pdf", "mixed.pdf")
_HERE = Path(__file__).parent
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def path(name: str) -> Path:
    """Where the sample `name`, one of `NAMES`, lies.

    Raises:
        KeyError: there is no such sample.
    """
    if name not in NAMES:
        raise KeyError(f"no sample named {name!r}; there are {', '.join(NAMES)}")
    return _HERE / name


def expected_text(name: str) -> str:
    """What the sample `name` says, one form feed between pages."""
    return path(name).with_suffix(".txt").read_text(encoding="utf-8")


def word_recall(expected: str, found: str) -> float:
    """The share (0-1) of the words of `expected` that occur in `found`, each as often as it is expected.

    A word is what stands between white space, without punctuation at its ends and without regard to case; the order
    of the words does not count, so that reading two columns in another order is no error.
    """
    wanted = Counter(_words(expected))
    hits = sum((wanted & Counter(_words(found))).values())
    return hits / max(1, wanted.total())


def _words(text: str) -> list[str]:
    """The words of `text`, bare and in lower case."""
    bare = (_EDGES.sub("", token).casefold() for token in text.split())
    return [word for word in bare if word]


def scanned_pdf(pages: int, dpi: int = 300) -> bytes:
    """A PDF of `pages` A4 page images without any text layer; see `infra.samples.pdfs.scanned_pdf`."""
    from infra.samples import pdfs  # noqa: PLC0415 - needs fpdf2 of the dev group; finding a sample must not

    return pdfs.scanned_pdf(pages, dpi)


def born_digital_pdf(pages: int) -> bytes:
    """A PDF of `pages` dense pages of real text; see `infra.samples.pdfs.born_digital_pdf`."""
    from infra.samples import pdfs  # noqa: PLC0415 - as above

    return pdfs.born_digital_pdf(pages)
