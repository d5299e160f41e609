"""Which engines there are, as the workers themselves report it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from shared.db.unit_of_work import Database
from shared.errors import EngineUnavailable, UnknownEngine, UnknownLanguage
from shared.models import EngineRow, utcnow

AUTO = "auto"
AUTO_ENGINE = "tesseract"
"""What `auto` reads with where no worker has said."""

KNOWN = frozenset({"tesseract", "rapidocr", "deepseek", "textract", "null"})
"""Every engine the product has a name for, installed or not."""


@dataclass(frozen=True, slots=True)
class EngineReport:
    """An engine as a worker found it.

    Attributes:
        name: of it; `auto` is one as well.
        version: as it says.
        languages: the packs installed, sorted; none where it needs none. Those of `auto` are the engines it may read
            with, weakest first.
    """

    name: str
    version: str
    languages: Sequence[str]


class Engines:
    """The register of engines. Workers write it when they start; the API refuses by it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, engines: Sequence[EngineReport]) -> None:
        """Note what a worker can read with. The last word wins, and what it leaves out is there no more."""
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
            UnknownLanguage: it lacks a pack; `auto`, if every engine of its ladder does.
        """
        with self._database.read() as session:
            rows = {row.name: row for row in session.scalars(select(EngineRow))}
        here = ", ".join([AUTO, *sorted(set(rows) - {AUTO})])
        if engine not in {*KNOWN, *rows, AUTO}:
            message = f"There is no engine {engine!r}. Engines here: {here}."
            raise UnknownEngine(message)
        if not rows:
            return
        readers = _ladder(rows) if engine == AUTO else [rows[engine]] if engine in rows else []
        if not readers:
            message = f"The engine {engine} is not installed or configured here. Engines here: {here}."
            raise EngineUnavailable(message)
        _check_languages(readers, languages.split("+"))

    def _report(self, engines: Sequence[EngineReport]) -> None:
        with self._database.write() as work:
            work.session.execute(delete(EngineRow).where(EngineRow.name.not_in([engine.name for engine in engines])))
            for engine in engines:
                row = EngineRow(
                    name=engine.name,
                    version=engine.version,
                    languages=list(engine.languages),
                    seen_at=utcnow(),
                )
                work.session.merge(row)


def _ladder(rows: Mapping[str, EngineRow]) -> list[EngineRow]:
    """What `auto` may read with."""
    names = rows[AUTO].languages if AUTO in rows else [AUTO_ENGINE]
    return [rows[name] for name in names if name in rows]


def _check_languages(readers: Sequence[EngineRow], wanted: Sequence[str]) -> None:
    """Make sure that one of the engines has all the packs; one that lists none needs none."""
    lacks = [[pack for pack in wanted if row.languages and pack not in row.languages] for row in readers]
    if all(lacks):
        missing = min(lacks, key=len)
        have = "; ".join(f"{row.name}: {', '.join(row.languages)}" for row in readers)
        message = f"No pack is installed for {', '.join(missing)}. Installed for {have}."
        raise UnknownLanguage(message)
