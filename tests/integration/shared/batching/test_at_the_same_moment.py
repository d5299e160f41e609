"""Batches whose documents end at the same moment: completed once, and nobody deadlocks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.db.unit_of_work import Database
from shared.errors import Conflict
from shared.models import Document, DocumentStatus
from shared.services import announcing
from shared.services.batches import Batches
from shared.services.documents import Documents
from shared.values import FINAL
from tests.integration.shared.batching.endings import being_read, end, give_up, told
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once, wait_until


@pytest.mark.parametrize("round_", range(5))
def test_documents_that_end_at_the_same_moment_complete_their_batches_once(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing, round_: int
) -> None:
    del round_
    ids = being_read(rows, account, 4)
    # Each is in several batches, named in different orders: whoever ends one wants all their rows.
    made = [batches.of_documents(account, order, {})[0] for order in (ids, ids[::-1], ids[1:], ids[:1] + ids[2:])]
    at_once([partial(end, rows.database, document_id) for document_id in ids])
    assert all(batches.get(account, batch_id).batch.completed_at for batch_id in made)
    assert sorted(map(str, told(outgoing))) == sorted(map(str, [{"completed": 4}] * 2 + [{"completed": 3}] * 2))


@pytest.mark.parametrize("round_", range(5))
def test_whatever_ends_documents_at_the_same_moment_nobody_deadlocks(
    batches: Batches, documents: Documents, rows: Rows, outgoing: Outgoing, round_: int
) -> None:
    del round_
    account = rows.account()
    ids = being_read(rows, account, 6)
    both, _ = batches.of_documents(account, ids, {})
    other, _ = batches.of_documents(account, ids[::-1], {})

    def quietly(call: Callable[[], object]) -> None:
        try:
            call()
        except Conflict:
            return  # another was faster

    calls: list[Callable[[], object]] = [
        partial(quietly, partial(batches.cancel, account, both)),
        partial(quietly, partial(batches.cancel, account, other)),
        partial(give_up, rows.database, rows, ids[3]),
        partial(documents.delete, account, ids[4]),
        partial(quietly, partial(batches.of_documents, account, ids[:2], {})),
    ]
    at_once(calls)
    for batch_id in (both, other):
        standing = batches.get(account, batch_id)
        assert standing.batch.completed_at is not None
        assert set(standing.counts) <= FINAL
        assert sum(standing.counts.values()) == 5
    assert len(told(outgoing)) == 3


@pytest.mark.parametrize("round_", range(3))
def test_who_ends_many_documents_of_the_same_batches_does_not_deadlock(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing, round_: int
) -> None:
    del round_
    ids = sorted(being_read(rows, account, 20))
    first, second = ids[:10], ids[10:]
    # Two who go through their documents in order come by these in opposite orders.
    crossed = [batches.of_documents(account, pair, {})[0] for pair in zip(first, second[::-1], strict=True)]
    one, other = (batches.of_documents(account, half, {})[0] for half in (first, second))
    cancel = [lambda: batches.cancel(account, one) and None, lambda: batches.cancel(account, other) and None]
    at_once([*cancel, lambda: batches.of_documents(account, ids[::-1], {}) and None])
    assert all(batches.get(account, batch_id).batch.completed_at for batch_id in crossed)
    assert len(told(outgoing)) == 13


def test_a_batch_that_is_made_while_its_document_ends_is_completed(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    (one,) = being_read(rows, account, 1)
    with ThreadPoolExecutor(1) as pool:
        with rows.database.write() as work:
            document = work.session.get_one(Document, one, with_for_update=True)
            document.status = DocumentStatus.COMPLETED
            announcing.announce(work, document)
            made = pool.submit(batches.of_documents, account, [one], {})
            wait_until(lambda: made.done() or waits_for_a_lock(rows.database), what="the one who makes the batch")
        batch_id, _ = made.result()
    assert batches.get(account, batch_id).batch.completed_at is not None
    assert told(outgoing) == [{"completed": 1}]


def waits_for_a_lock(database: Database) -> bool:
    """Whether somebody waits for a row; SQLite has one writer, who does not even begin beside another."""
    if database.engine.dialect.name == "sqlite":
        return True
    waiting = text(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    )
    with database.read() as session:
        return bool(session.scalar(waiting))
