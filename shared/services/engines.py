"""Which engines there are, as the workers themselves report it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shared.db.unit_of_work import Database
from shared.errors import EngineUnavailable, UnknownEngine, UnknownLanguage
from shared.models import EngineRow, utcnow

AUTO = "auto"
AUTO_ENGINE = "tesseract"
"""What `auto` reads with."""

KNOWN = frozenset({"tesseract", "rapidocr", "deepseek", "textract", "null"})
"""Every engine the product has a name for, installed or not."""


@dataclass(frozen=True, slots=True)
class EngineReport:
    """An engine as a worker found it: `languages` are the packs installed, sorted."""

    name: str
    version: str
    languages: Sequence[str]


class Engines:
    """The register of engines. Workers write it when they start; the API refuses by it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, engines: Sequence[EngineReport]) -> None:
        """Note what a worker can read with; the last word wins."""
        try:
            self._report(engines)
        except IntegrityError:
            # Another worker reported the same engine for the first time at the same moment; now it is found.
            self._report(engines)

    def check(self, engine: str, languages: str) -> None:
        """Make sure that an engine is there and has the language packs.

        Before any worker has ever started nothing is known, and only unknown names are refused: the worker checks
        again.

        Raises:
            UnknownEngine: no engine has that name.
            EngineUnavailable: it is not installed or configured.
            UnknownLanguage: it lacks a pack.
        """
        name = AUTO_ENGINE if engine == AUTO else engine
        with self._database.read() as session:
            rows = {row.name: row for row in session.scalars(select(EngineRow))}
        if name not in KNOWN and name not in rows:
            message = f"There is no engine {name!r}. Engines here: {', '.join([AUTO, *sorted(rows)])}."
            raise UnknownEngine(message)
        if not rows:
            return
        if name not in rows:
            message = f"The engine {name} is not installed here. Engines here: {', '.join([AUTO, *sorted(rows)])}."
            raise EngineUnavailable(message)
        self._check_languages(rows[name], languages)

    def _report(self, engines: Sequence[EngineReport]) -> None:
        with self._database.write() as work:
            for engine in engines:
                row = EngineRow(
                    name=engine.name,
                    version=engine.version,
                    languages=list(engine.languages),
                    seen_at=utcnow(),
                )
                work.session.merge(row)

    @staticmethod
    def _check_languages(row: EngineRow, languages: str) -> None:
        missing = [pack for pack in languages.split("+") if row.languages and pack not in row.languages]
        if missing:
            message = f"{row.name} has no pack for {', '.join(missing)}. Installed: {', '.join(row.languages)}."
            raise UnknownLanguage(message)
