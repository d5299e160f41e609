"""How a document ended, from how its pages ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.models import DocumentStatus

MAX_NAMED_PAGES = 20
"""Failed pages that an error message names."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a document's pages ended, added up."""

    failed: Sequence[tuple[int, str, str]]
    total: int
    confidence: float | None
    sources: frozenset[str]
    engines: frozenset[str]


def verdict(summary: Summary) -> tuple[DocumentStatus, tuple[str, str] | None]:
    """Give the final status, and code and message of the error if there is one."""
    if not summary.failed:
        return DocumentStatus.COMPLETED, None
    number, code, message = summary.failed[0]
    if len(summary.failed) == summary.total:
        return DocumentStatus.FAILED, (code, message if summary.total == 1 else f"Page {number}: {message}")
    named = ", ".join(str(failed[0]) for failed in summary.failed[:MAX_NAMED_PAGES])
    more = ", ..." if len(summary.failed) > MAX_NAMED_PAGES else ""
    text = f"{len(summary.failed)} of {summary.total} pages could not be read: {named}{more}. Page {number}: {message}"
    return DocumentStatus.PARTIAL, (code, text)


def one_of(names: frozenset[str]) -> str | None:
    """The only name, `mixed` for several, None for none."""
    if len(names) > 1:
        return "mixed"
    return next(iter(names), None)
