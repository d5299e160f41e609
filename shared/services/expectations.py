"""What pages take with an engine: as measured on what the account had read, else as others measured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import func, select

from shared.config import DeepSeek, Textract
from shared.db.unit_of_work import Database
from shared.models import Document, DocumentStatus, Page, PageStatus
from shared.services.costs import MICROS, Dollars, Tariff

DOCUMENTS: Final = 50
"""How many of the account's latest documents are looked at."""

ENOUGH_PAGES: Final = 5
"""Fewer pages than this tell little of the next."""

TEXT_LAYER_MS: Final = 1.0
"""CPU time of a page that carries its text (0.8 ms, measured on 500 born-digital pages)."""

OPENING_SECONDS: Final = 0.3
"""From the message to the open document, and from the last page to `completed`."""

MEMORY_KIB: Final = 230_000
"""Of a reading process (measured: 221 MB)."""

OUTPUT_TOKENS: Final = 1000
"""What a vision model writes about a page with text all over."""


@dataclass(frozen=True, slots=True)
class PerPage:
    """A recognised page: our CPU time, from beginning to end, in milliseconds; what others charge; memory taken."""

    cpu_ms: float
    duration_ms: float
    micros: float
    peak_kb: float = MEMORY_KIB
    measured: bool = False


_LOCAL: Final[Mapping[str, PerPage]] = MappingProxyType(
    {
        # An A4 page at 300 dpi on one core of a server: tesseract 5.5; rapidocr's models by OpenVINO.
        "tesseract": PerPage(1500, 1500, 0),
        "rapidocr": PerPage(2500, 2500, 0),
        "auto": PerPage(1700, 1700, 0),
        "null": PerPage(150, 150, 0),
    }
)
_RENDER_MS: Final = 300
_REMOTE_MS: Final = 4000


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in a file: its pages, those to be read, and those of them that an engine has to."""

    page_count: int
    pages: int
    with_text: int
    to_recognise: int


class Expectations:
    """Reckons.

    Args:
        database: where pages are that were read.
        tariff: the prices.
    """

    def __init__(self, database: Database, tariff: Tariff) -> None:
        self._database = database
        self._tariff = tariff

    def of(self, account_id: UUID, engine: str, look: Look, at_once: int) -> dict[str, Any]:
        """What reading a file would take and cost, as the API shows it.

        Args:
            account_id: whose history counts.
            engine: as asked for.
            look: what was seen in the file.
            at_once: pages that are read at the same time, where nothing else waits.
        """
        page = self._measured(account_id, engine) or _default(engine)
        cpu_ms = look.to_recognise * page.cpu_ms + (look.pages - look.to_recognise) * TEXT_LAYER_MS
        busy_ms = look.to_recognise * page.duration_ms + (look.pages - look.to_recognise) * TEXT_LAYER_MS
        parallel = max(1, min(at_once, look.to_recognise))
        dollars = Dollars(
            cpu=self._tariff.cpu(cpu_ms),
            memory=self._tariff.memory(page.peak_kb * busy_ms),
            engines=look.to_recognise * page.micros / MICROS,
        )
        based_on: Literal["measured", "defaults"] = "measured" if page.measured else "defaults"
        return {
            "expected_cpu_seconds": round(cpu_ms / 1000, 3),
            "expected_seconds": round(OPENING_SECONDS + busy_ms / 1000 / parallel, 3),
            "expected_dollars": {
                name: round(getattr(dollars, name), 6) for name in ("cpu", "memory", "engines", "extraction", "total")
            },
            "based_on": based_on,
            "textract_dollars": round(look.pages * self._tariff.textract_page, 6),
        }

    def _measured(self, account_id: UUID, engine: str) -> PerPage | None:
        """The mean of the account's latest pages that were recognised as this engine was asked for."""
        final = Document.status.in_([DocumentStatus.COMPLETED, DocumentStatus.PARTIAL])
        latest = select(Document.id, Document.options).where(Document.account_id == account_id, final)
        latest = latest.order_by(Document.created_at.desc(), Document.id.desc()).limit(DOCUMENTS)
        with self._database.read() as session:
            ids = [row.id for row in session.execute(latest) if row.options["engine"] == engine]
            recognised = (Page.source == "ocr", Page.status == PageStatus.DONE, Page.reused_from.is_(None))
            means = [func.avg(column) for column in (Page.cpu_ms, Page.duration_ms, Page.micros, Page.peak_kb)]
            query = select(func.count(), *means).where(Page.document_id.in_(ids), Page.cpu_ms.is_not(None), *recognised)
            count, cpu_ms, duration_ms, micros, peak_kb = session.execute(query).one()
        if count < ENOUGH_PAGES:
            return None
        return PerPage(float(cpu_ms), float(duration_ms or cpu_ms), float(micros or 0), float(peak_kb or 0), True)


def _default(engine: str) -> PerPage:
    if engine == "textract":
        return PerPage(_RENDER_MS, _REMOTE_MS, Textract().textract_page_dollars * MICROS)
    if engine == "deepseek":
        settings = DeepSeek()
        # Prices are for a million tokens: so many tokens cost so many millionths of a dollar.
        read = settings.deepseek_input_tokens * settings.deepseek_input_dollars
        return PerPage(_RENDER_MS, _REMOTE_MS, read + OUTPUT_TOKENS * settings.deepseek_output_dollars)
    return _LOCAL.get(engine, _LOCAL["auto"])
