"""Documents that are here, read with other options: each such reading is a document of its own.

The document that is here stays as it is. One of the account that has the same bytes and the options asked for is that
reading already, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database
from shared.errors import Conflict, NotFound
from shared.models import Document, DocumentStatus
from shared.services.engines import Engines
from shared.services.options import READING, DocumentOptions
from shared.services.submission import Submission

COPIES_AT_ONCE = 8
"""Files that the store copies at the same time: it does the work, we wait."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How documents that are here are to be read.

    Attributes:
        named: the options that were named, checked; every other one stays as each document has it.
        force: read each anew, whatever was read before.
    """

    named: Mapping[str, Any]
    force: bool = False

    @property
    def reading(self) -> bool:
        """Whether anything is asked for that could take a new reading."""
        return self.force or bool((READING | {"password"}) & self.named.keys())

    @property
    def callback_url(self) -> str | None:
        """Who is to be told of each."""
        url: str | None = self.named.get("callback_url")
        return url


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found and what has to be made.

    Attributes:
        instead: by each document asked for the one that has the reading asked for, in the order they were named.
        new: those of them that are to be stored, in this order; their files are in place.
    """

    instead: Mapping[UUID, UUID]
    new: Sequence[Document]

    @property
    def documents(self) -> Sequence[UUID]:
        """The documents with the readings asked for, each once."""
        return list(dict.fromkeys(self.instead.values()))


class Rereading:
    """Plans readings: what is new is stored by the caller."""

    def __init__(self, database: Database, store: S3Store, submission: Submission, engines: Engines) -> None:
        self._database = database
        self._store = store
        self._submission = submission
        self._engines = engines

    def plan(self, account_id: UUID, asked: Sequence[UUID], wish: Wish, seed: UUID) -> Plan:
        """Find the readings that are here, and make those that are not, with ids that follow from `seed`.

        Raises:
            NotFound: some are not there; `errors` names them.
            Conflict: some can't be read with other options, for they have no file.
            UnknownEngine, EngineUnavailable, UnknownLanguage, UrlNotAllowed: the options can't be met here.
            StorageUnavailable: try again.
        """
        sources = self._sources(account_id, asked)
        wanted = {source.id: options for source in sources if (options := _other(source, wish)) is not None}
        self._check(sources, wanted)
        keys = {source.id: _key(source, wanted[source.id]) for source in sources if source.id in wanted}
        known = self._known(account_id, set(keys.values()))
        new: dict[str, Document] = {}
        for source in sources:
            key = keys.get(source.id)
            if key is None or key in new or (key in known and not wish.force):
                continue
            new[key] = self._submission.again(source, wanted[source.id], uuid5(seed, str(source.id)))
            new[key].forced = wish.force
            if key in known:
                # Content keys are unique: the earlier one keeps it.
                new[key].content_key = None
        self._copy(sources, keys, new)
        stands = {**known, **{key: document.id for key, document in new.items()}}
        instead = {one: one if one not in keys else stands[keys[one]] for one in asked}
        # Sorted, so that two requests for the same readings wait for each other instead of deadlocking.
        return Plan(instead, [new[key] for key in sorted(new)])

    def discard(self, plan: Plan) -> None:
        """Remove the files of documents that were not stored after all, or by another try of the same request."""
        for document in plan.new:
            self._store.delete_prefix(document.source_key)

    def _sources(self, account_id: UUID, asked: Sequence[UUID]) -> Sequence[Document]:
        """The documents, in the order they were asked for."""
        query = select(Document).where(Document.account_id == account_id, Document.id.in_(asked))
        with self._database.read() as session:
            found = {row.id: row for row in session.scalars(query)}
        missing = [one for one in asked if one not in found]
        if missing:
            errors = [{"field": "document_ids", "message": f"{one} is not there"} for one in missing]
            named = ", ".join(map(str, missing[:3]))
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""  # noqa: PLR2004  # as many as are named
            message = f"This account has no document {named}{more}."
            raise NotFound(message, errors=errors)
        return [found[one] for one in asked]

    def _check(self, sources: Sequence[Document], wanted: Mapping[UUID, DocumentOptions]) -> None:
        for engine, languages in {(options.engine, options.languages) for options in wanted.values()}:
            self._engines.check(engine, languages)
        for source in sources:
            if source.id in wanted and (source.sha256 is None or source.status == DocumentStatus.AWAITING_UPLOAD):
                message = f"The document {source.id} has no file yet that could be read with other options."
                raise Conflict(message)

    def _known(self, account_id: UUID, keys: set[str]) -> Mapping[str, UUID]:
        query = select(Document.content_key, Document.id)
        with self._database.read() as session:
            rows = session.execute(query.where(Document.account_id == account_id, Document.content_key.in_(keys)))
            return {key: document_id for key, document_id in rows if key is not None}

    def _copy(self, sources: Sequence[Document], keys: Mapping[UUID, str], new: Mapping[str, Document]) -> None:
        """Give each new document a file of its own: deleting one must not take another's."""
        files = {keys[source.id]: source.source_key for source in sources if source.id in keys}
        with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
            list(pool.map(self._store.copy, (files[key] for key in new), (one.source_key for one in new.values())))


def _key(source: Document, options: DocumentOptions) -> str:
    return options.content_key(source.sha256 or "")


def _other(source: Document, wish: Wish) -> DocumentOptions | None:
    """The options a document is to be read with, where they are not those it was read with."""
    if not wish.reading:
        return None
    own = DocumentOptions(
        **source.options,
        password=source.password,
        extract=source.extract,
        priority=source.priority,
        metadata=source.user_metadata,
    )
    options = DocumentOptions.model_validate(own.model_dump() | dict(wish.named))
    # A document that was read completely keeps no password, and needs none to be what it is.
    unlocks = options.password != own.password and source.status != DocumentStatus.COMPLETED
    return options if wish.force or options.reading() != own.reading() or unlocks else None
