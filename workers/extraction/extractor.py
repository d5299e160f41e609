"""What an extractor is: words in, fields out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.extraction import fields
from workers.extraction.values import Invoice, PageWords


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one found, and what others charged for it, in millionths of a dollar."""

    invoice: Invoice
    micros: int = 0


class Extractor(Protocol):
    """Finds the fields of an invoice."""

    name: str

    def extract(self, pages: Sequence[PageWords]) -> Extracted:
        """Find the fields of one invoice or receipt.

        Args:
            pages: those that were read, in order.

        Raises:
            TwolaneError: it can't; another may.
        """
        ...


class Rules:
    """Finds them by pattern, place and sums; never fails, needs nothing but the words."""

    name = "rules"

    def extract(self, pages: Sequence[PageWords]) -> Extracted:
        """Find the fields of one invoice or receipt."""
        return Extracted(fields.extract(pages))
