"""Single statements at the speed of the driver, for what every job does.

A claim and its end are most of what a job costs beside its work. Through SQLAlchemy's connection each takes 115
microseconds on SQLite, of which the database needs 35: the rest is spent to begin a transaction, to dispatch events and
to prepare a result of any shape. Here the statement is compiled once, by SQLAlchemy, and handed to the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cached_property
from typing import Any

from sqlalchemy import ClauseElement, Engine
from sqlalchemy.sql.compiler import SQLCompiler

Processor = Callable[[Any], Any]


class Statement:
    """One INSERT, UPDATE or DELETE, each run of which is a transaction of its own.

    Args:
        engine: where it runs; compiled for its dialect when first used.
        clause: with a `bindparam` for everything that changes from run to run, and no `IN`.
    """

    def __init__(self, engine: Engine, clause: ClauseElement) -> None:
        self._engine = engine
        self._clause = clause

    def run(self, **values: Any) -> int:
        """Run it, commit, and return the number that RETURNING gave, 0 for no row; without it the number of rows.

        Raises:
            sqlalchemy.exc.TimeoutError: every connection of the pool is in use.
            dialect.loaded_dbapi.Error: whatever the driver raises.
        """
        with closing(self._engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(self._sql, self._parameters(values))
            row = cursor.fetchone() if cursor.description else (cursor.rowcount,)
            connection.commit()
        return int(row[0]) if row else 0

    @cached_property
    def _compiled(self) -> SQLCompiler:
        compiled = self._clause.compile(dialect=self._engine.dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what every INSERT, UPDATE and DELETE compiles to
        return compiled

    @cached_property
    def _sql(self) -> str:
        return str(self._compiled)

    @cached_property
    def _processors(self) -> dict[str, Processor]:
        """What turns our values into those of the driver, for the parameters that need it."""
        dialect = self._engine.dialect
        found = {
            name: parameter.type.dialect_impl(dialect).bind_processor(dialect)
            for parameter, name in self._compiled.bind_names.items()
        }
        return {name: processor for name, processor in found.items() if processor is not None}

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        """The parameters that are the same in every run, as the driver takes them; None for the others."""
        return self._processed(self._compiled.params)

    def _processed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        processors = self._processors
        return {name: processors[name](value) if name in processors else value for name, value in values.items()}

    def _parameters(self, values: dict[str, Any]) -> Any:
        """Return the values as the driver takes them: by position or by name."""
        named = self._fixed | self._processed(values)
        order = self._compiled.positiontup
        return named if order is None else [named[name] for name in order]
