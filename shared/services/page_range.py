"""Page ranges as people write them: `1-3,7,9-`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.errors import InvalidPageRange, PageOutOfRange

_PART = re.compile(r"(?P<first>[1-9][0-9]{0,5})(?P<dash>-(?P<last>[1-9][0-9]{0,5})?)?")
MAX_LENGTH = 1000


def check(text: str) -> str:
    """Return the range without blanks.

    Raises:
        InvalidPageRange: it is none.
    """
    compact = text.replace(" ", "")
    if len(compact) > MAX_LENGTH:
        message = f"`pages` has {len(compact)} characters; at most {MAX_LENGTH} are taken."
        raise InvalidPageRange(message)
    list(_spans(compact))
    return compact


def resolve(text: str | None, page_count: int) -> list[int]:
    """List the pages a range names in a document of `page_count` pages, ascending, each once; all for None.

    Raises:
        InvalidPageRange: it is no range.
        PageOutOfRange: it names a page past the end.
    """
    if text is None:
        return list(range(1, page_count + 1))
    numbers: set[int] = set()
    for first, last in _spans(text):
        end = page_count if last is None else last
        if max(first, end) > page_count:
            message = f"`pages` asks for page {max(first, end)}; the document has {page_count}."
            raise PageOutOfRange(message)
        numbers.update(range(first, end + 1))
    return sorted(numbers)


def _spans(text: str) -> Iterator[tuple[int, int | None]]:
    for part in text.split(","):
        match = _PART.fullmatch(part)
        first, last = (int(match["first"]), match["last"]) if match else (0, None)
        if not match or (last and int(last) < first):
            message = f"`pages` is not a page range at {part!r}: write it like 1-3,7,9- with the first page 1."
            raise InvalidPageRange(message)
        if last:
            yield first, int(last)
        else:
            yield first, None if match["dash"] else first
