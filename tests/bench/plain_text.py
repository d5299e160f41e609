"""`python -m tests.bench.plain_text FILE`: the text of a PDF by pypdfium2 alone; prints the seconds it took."""

from __future__ import annotations

import sys
import time

import pypdfium2


def main() -> None:
    """Open the file, take the text of every page, say how long that took."""
    began = time.perf_counter()
    with pypdfium2.PdfDocument(sys.argv[1]) as document:
        texts = [page.get_textpage().get_text_bounded() for page in document]
    seconds = time.perf_counter() - began
    assert all(texts), "the document was to have text on every page"
    sys.stdout.write(f"{seconds}\n")


if __name__ == "__main__":
    main()
