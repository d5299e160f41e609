"""Batches: completed once, by whoever ends the last document, and cancelled, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database
from shared.errors import Conflict
from shared.models import Document, DocumentStatus
from shared.services.batches import Batches
from shared.services.documents import Documents
from shared.services.ledger import Ledger
from shared.services.options import DocumentOptions
from shared.services.submission import Submission
from tests.integration.shared.batching.endings import being_read, end, give_up, told
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows


def test_a_batch_is_completed_with_its_last_document(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    first, second = being_read(rows, account, 2)
    batch_id, _ = batches.of_documents(account, [first, second, first], {})
    end(rows.database, first)
    standing = batches.get(account, batch_id)
    assert (standing.batch.completed_at, told(outgoing)) == (None, [])
    assert standing.counts == {DocumentStatus.COMPLETED: 1, DocumentStatus.PROCESSING: 1}
    end(rows.database, second, well=False)
    assert batches.get(account, batch_id).batch.completed_at is not None
    assert told(outgoing) == [{"completed": 1, "failed": 1}]


Ending = Callable[[Database, Rows, UUID, UUID], None]


def by_cancelling(database: Database, rows: Rows, account: UUID, document_id: UUID) -> None:
    Documents(database, S3Store("none")).cancel(account, document_id)
    del rows


def by_giving_up(database: Database, rows: Rows, account: UUID, document_id: UUID) -> None:
    del account
    rows.change(Document, document_id, pages_total=None, status=DocumentStatus.QUEUED)
    assert give_up(database, rows, document_id)


@pytest.mark.parametrize(
    ("ending", "counts"),
    [(by_cancelling, {"cancelled": 1, "completed": 1}), (by_giving_up, {"completed": 1, "failed": 1})],
)
def test_however_the_last_document_ends(
    batches: Batches, rows: Rows, outgoing: Outgoing, ending: Ending, counts: dict[str, int]
) -> None:
    account = rows.account()
    first, second = being_read(rows, account, 2)
    batches.of_documents(account, [first, second], {})
    end(rows.database, first)
    ending(rows.database, rows, account, second)
    assert told(outgoing) == [counts]


def test_a_deleted_document_leaves_its_batch_and_may_complete_it(
    batches: Batches, documents: Documents, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    first, second = being_read(rows, account, 2)
    batch_id, _ = batches.of_documents(account, [first, second], {})
    end(rows.database, first)
    documents.delete(account, second)
    assert told(outgoing) == [{"completed": 1}]
    documents.delete(account, first)
    assert batches.get(account, batch_id).counts == {}
    assert len(told(outgoing)) == 1


def test_an_upload_that_is_none_we_read_may_complete_a_batch(
    batches: Batches, submission: Submission, s3_store: S3Store, rows: Rows, outgoing: Outgoing
) -> None:
    _, items = batches.of_uploads(rows.account(), [("a.png", "image/png", 3)], DocumentOptions())
    key = rows.get_document(items[0].document_id).source_key
    s3_store.put(key, b"abc")
    submission.accept_upload(key, 3)
    assert told(outgoing) == [{"failed": 1}]


def test_a_batch_of_final_documents_is_completed_at_once(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    done = rows.document(account, DocumentStatus.PARTIAL).id
    batch_id, _ = batches.of_documents(account, [done], {})
    assert batches.get(account, batch_id).batch.completed_at is not None
    assert told(outgoing) == [{"partial": 1}]


def test_a_retry_does_not_complete_a_batch_again(
    batches: Batches, documents: Documents, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    (one,) = being_read(rows, account, 1)
    batch_id, _ = batches.of_documents(account, [one], {})
    end(rows.database, one, well=False)
    completed_at = batches.get(account, batch_id).batch.completed_at
    documents.retry(account, one)
    Ledger(rows.database).begin(one)
    end(rows.database, one)
    standing = batches.get(account, batch_id)
    assert (standing.batch.completed_at, standing.counts) == (completed_at, {DocumentStatus.COMPLETED: 1})
    assert told(outgoing) == [{"failed": 1}]


def test_a_retry_before_its_end_holds_a_batch_open(
    batches: Batches, documents: Documents, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    first, second = being_read(rows, account, 2)
    batches.of_documents(account, [first, second], {})
    end(rows.database, first, well=False)
    documents.retry(account, first)
    end(rows.database, second)
    assert told(outgoing) == []
    Ledger(rows.database).begin(first)
    end(rows.database, first)
    assert told(outgoing) == [{"completed": 2}]


def test_without_a_bus_a_batch_is_completed_all_the_same(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    (one,) = being_read(rows, account, 1)
    batch_id, _ = batches.of_documents(account, [one], {})
    end(Database(rows.database.engine, outgoing), one)
    assert batches.get(account, batch_id).batch.completed_at is not None


def test_cancelling_a_batch_stops_what_is_open_of_it(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    done, reading = being_read(rows, account, 2)
    waiting = rows.document(account, DocumentStatus.AWAITING_UPLOAD).id
    batch_id, _ = batches.of_documents(account, [done, reading, waiting], {})
    end(rows.database, done)
    standing = batches.cancel(account, batch_id)
    assert standing.counts == {DocumentStatus.COMPLETED: 1, DocumentStatus.CANCELLED: 2}
    assert told(outgoing) == [{"cancelled": 2, "completed": 1}]
    with pytest.raises(Conflict):
        batches.cancel(account, batch_id)
