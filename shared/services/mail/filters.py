"""How templates write days, numbers and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from shared.services.mail.variables import ErrorCount

# Minutes of each, the longest first.
_UNITS = ((1440, "day"), (60, "hour"), (1, "minute"))


def day(value: date) -> str:
    """E.g. 4 May 2026: no reader takes the month for the day."""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """E.g. 4 May 2026, 09:30 UTC; a time without a zone is UTC."""
    utc = value.astimezone(UTC) if value.tzinfo else value
    return f"{day(utc)}, {utc:%H:%M} UTC"


def number(value: int) -> str:
    """E.g. 12,345."""
    return f"{value:,}"


def times(value: int) -> str:
    """E.g. once, or 5 times."""
    return "once" if value == 1 else f"{number(value)} times"


def duration(minutes: int) -> str:
    """E.g. 90 minutes, 1 hour or 2 days."""
    size, unit = next((size, unit) for size, unit in _UNITS if minutes % size == 0)
    count = minutes // size
    return f"{number(count)} {unit}{'' if count == 1 else 's'}"


def rows(counts: Mapping[str, int] | Sequence[ErrorCount]) -> list[tuple[str, int]]:
    """What was counted, the most first, without what there is none of."""
    pairs = counts.items() if isinstance(counts, Mapping) else ((one.code, one.count) for one in counts)
    named = [(str(name).replace("_", " "), count) for name, count in pairs if count]
    return sorted(named, key=lambda row: -row[1])


def paragraphs(text: str) -> list[list[str]]:
    """Paragraphs of lines; an empty line stands between two."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "day": day,
        "duration": duration,
        "moment": moment,
        "number": number,
        "paragraphs": paragraphs,
        "rows": rows,
        "times": times,
    }
)
"""By the names templates call them."""
