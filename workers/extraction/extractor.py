"""What an extractor is: words in, fields out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workers.extraction import fields
from workers.extraction.values import Invoice, PageWords


class Extractor(Protocol):
    """Finds the fields of an invoice.

    Attributes:
        name: as the API shows it.
        micros: what others charged for it so far, failures included, in millionths of a dollar.
    """

    name: str
    micros: int

    def extract(self, pages: Sequence[PageWords]) -> Invoice:
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
    micros = 0

    def extract(self, pages: Sequence[PageWords]) -> Invoice:
        """Find the fields of one invoice or receipt."""
        return fields.extract(pages)
