"""What reading took and cost, in CPU time, memory and dollars at the configured prices.

CPU is reckoned as if a worker's vCPU were always busy, and memory as each page's process had it at most for as long as
the page took: what idle workers cost is not a document's. A page that failed counts with what others charged for it;
what our own engines spent on it, and on attempts of a worker that was lost, is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from shared.config import Prices, Textract
from shared.db.unit_of_work import Database
from shared.errors import NotFound
from shared.models import Document, Extraction, Page, PageStatus

KIB_A_GB = 1024 * 1024
"""Fargate's GB has 1024 MiB."""

MS_AN_HOUR = 3_600_000
MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Dollars:
    """What it costs: our CPU and memory, what others charge for their engines and for finding fields."""

    cpu: float
    memory: float
    engines: float
    extraction: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.cpu + self.memory + self.engines + self.extraction


@dataclass(frozen=True, slots=True)
class PageGroup:
    """Pages with the same origin: recognised by one engine, found in the file, or taken over from another document.

    `engine` is None for text that the file carries; `reused` says that they were read for another document.
    """

    source: str
    engine: str | None
    reused: bool
    pages: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a document took so far.

    Attributes:
        cpu_seconds: of our machines.
        peak_memory_mb: most memory that a reading process had, in MiB; None before the first page.
        pages: how many are done, by where their text is from.
        engine_calls: readings by each engine, kept or not.
        dollars: what that costs.
        textract_dollars: what DetectDocumentText would cost for the same pages.
    """

    cpu_seconds: float
    peak_memory_mb: float | None
    pages: Sequence[PageGroup]
    engine_calls: Mapping[str, int]
    dollars: Dollars
    textract_dollars: float


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices, in dollars."""

    vcpu_hour: float
    gb_hour: float
    textract_page: float

    @classmethod
    def configured(cls) -> Tariff:
        """The prices of this deployment."""
        prices = Prices()
        return cls(prices.vcpu_hour_dollars, prices.gb_hour_dollars, Textract().textract_page_dollars)

    def cpu(self, cpu_ms: float) -> float:
        """What so much CPU time costs."""
        return cpu_ms / MS_AN_HOUR * self.vcpu_hour

    def memory(self, kib_ms: float) -> float:
        """What memory costs, in KiB times the milliseconds it was taken for."""
        return kib_ms / KIB_A_GB / MS_AN_HOUR * self.gb_hour


class Costs:
    """Receipts of an account's documents."""

    def __init__(self, database: Database, tariff: Tariff) -> None:
        self._database = database
        self._tariff = tariff

    def receipt(self, account_id: UUID, document_id: UUID) -> Receipt:
        """Add up what a document took, as far as it is.

        Raises:
            NotFound: this account has no such document.
        """
        own = select(Document.id).where(Document.id == document_id, Document.account_id == account_id)
        columns = (Page.source, Page.engine, Page.reused_from, Page.cpu_ms, Page.peak_kb, Page.duration_ms, Page.micros)
        final = Page.status.in_([PageStatus.DONE, PageStatus.FAILED])
        pages = select(*columns, Page.status, Page.attempts).where(Page.document_id == document_id, final)
        with self._database.read() as session:
            if session.scalar(own) is None:
                message = "There is no such document in this account."
                raise NotFound(message)
            rows = session.execute(pages).all()
            extraction = session.scalar(select(Extraction.micros).where(Extraction.document_id == document_id)) or 0
        return self._receipt(rows, extraction)

    def _receipt(self, rows: Sequence[Any], extraction_micros: int) -> Receipt:
        read = [row for row in rows if row.reused_from is None]
        done = [row for row in rows if row.status == PageStatus.DONE]
        cpu_ms = sum(row.cpu_ms or 0 for row in read)
        peaks = [row.peak_kb for row in read if row.peak_kb is not None]
        dollars = Dollars(
            cpu=self._tariff.cpu(cpu_ms),
            memory=self._tariff.memory(sum((row.peak_kb or 0) * (row.duration_ms or 0) for row in read)),
            engines=sum(row.micros or 0 for row in read) / MICROS,
            extraction=extraction_micros / MICROS,
        )
        return Receipt(
            cpu_seconds=cpu_ms / 1000,
            peak_memory_mb=max(peaks) / 1024 if peaks else None,
            pages=_groups(done),
            engine_calls=Counter(attempt["engine"] for row in read for attempt in row.attempts or ()),
            dollars=dollars,
            textract_dollars=len(done) * self._tariff.textract_page,
        )


def _groups(rows: Iterable[Any]) -> Sequence[PageGroup]:
    pages: Counter[tuple[str, str | None, bool]] = Counter()
    cpu_ms: Counter[tuple[str, str | None, bool]] = Counter()
    for row in rows:
        origin = (row.source or "", row.engine, row.reused_from is not None)
        pages[origin] += 1
        cpu_ms[origin] += row.cpu_ms or 0
    ordered = sorted(pages, key=lambda origin: (origin[0], origin[1] or "", origin[2]))
    return [PageGroup(*origin, pages=pages[origin], cpu_seconds=cpu_ms[origin] / 1000) for origin in ordered]
