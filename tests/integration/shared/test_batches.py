"""Batches: completed once, by whoever ends the last document, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.adapters.outbound_guard import Guard
from shared.adapters.s3 import S3Store
from shared.config import Delivery, Limits
from shared.contracts import OcrDocument
from shared.db.unit_of_work import Database
from shared.errors import Conflict, EngineFailed, NotFound, UnsupportedMediaType
from shared.models import Batch, BatchDocument, Document, DocumentStatus
from shared.services import announcing
from shared.services.batches import Batches
from shared.services.documents import Documents
from shared.services.engines import Engines
from shared.services.jobs import Jobs
from shared.services.ledger import FailedPage, Ledger
from shared.services.options import DocumentOptions
from shared.services.rereading import Rereading
from shared.services.submission import Submission
from shared.values import FINAL
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows, read_page
from tests.support.waiting import at_once, wait_until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture
def submission(database: Database, s3_store: S3Store) -> Submission:
    return Submission(database, s3_store, Engines(database), Limits())


@pytest.fixture
def batches(database: Database, s3_store: S3Store, submission: Submission) -> Batches:
    engines = Engines(database)
    return Batches(database, submission, Rereading(database, s3_store, submission, engines), engines, Guard())


@pytest.fixture
def documents(database: Database, s3_store: S3Store) -> Documents:
    return Documents(database, s3_store)


@pytest.fixture
def account(rows: Rows) -> UUID:
    return rows.account()


def told(outgoing: Outgoing) -> list[dict[str, int]]:
    """The counts of every `batch.completed` that was told."""
    return [event.data["counts"] for event in outgoing.events if event.type == "batch.completed"]


def being_read(rows: Rows, account: UUID, count: int) -> list[UUID]:
    """Documents of one page, which is being read."""
    ledger = Ledger(rows.database)
    made = [rows.document(account).id for _ in range(count)]
    for document_id in made:
        ledger.begin(document_id)
        ledger.open(document_id, 1, [1])
    return made


def end(database: Database, document_id: UUID, *, well: bool = True) -> None:
    """Read the only page of a document, or fail it, and close the document."""
    ledger = Ledger(database)
    if well:
        ledger.save(document_id, [read_page(1, attempts=[], cpu_ms=1, peak_kb=1, micros=0)])
    else:
        ledger.save(document_id, [], [FailedPage(1, "corrupt_file", "torn")])
    ledger.close(document_id, ledger.summary(document_id))


def give_up(database: Database, rows: Rows, document_id: UUID) -> bool:
    """Let the last attempt at a document fail; False where it was cancelled before that began."""
    jobs = Jobs(database, Delivery(max_attempts=1))
    claim = jobs.claim(rows.job(OcrDocument(document_id=document_id), document_id=document_id))
    return claim is not None and jobs.fail(claim, EngineFailed("it died")) is not None


# --- completed, once


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


def test_without_a_bus_a_batch_is_completed_all_the_same(
    batches: Batches, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    (one,) = being_read(rows, account, 1)
    batch_id, _ = batches.of_documents(account, [one], {})
    end(Database(rows.database.engine, outgoing), one)
    assert batches.get(account, batch_id).batch.completed_at is not None


# --- cancelled


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


# --- read with other options


def submit(submission: Submission, account: UUID, body: bytes = PNG, **options: object) -> Document:
    return submission.submit(account, "a.png", body, DocumentOptions.model_validate(options)).document


def test_other_options_make_another_document_of_the_same_bytes(
    batches: Batches, submission: Submission, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    plain = submit(submission, account, metadata={"order": 7}, languages="deu")
    askew = submit(submission, account, PNG + b"2", deskew=True)
    _, items = batches.of_documents(account, [plain.id, askew.id], {"deskew": True})
    assert [item.asked for item in items] == [plain.id, askew.id]
    assert items[1].document_id == askew.id
    again = rows.get_document(items[0].document_id)
    assert again.id != plain.id
    assert (again.options["deskew"], again.options["languages"]) == (True, "deu")
    assert (again.user_metadata, again.sha256, again.status) == ({"order": 7}, plain.sha256, DocumentStatus.QUEUED)
    assert s3_store.get(again.source_key) == PNG
    assert again.source_key != plain.source_key
    assert [job.document_id for job in rows.jobs()].count(again.id) == 1
    assert rows.get_document(plain.id).options["deskew"] is False


def test_a_reading_that_is_here_is_taken(batches: Batches, submission: Submission, rows: Rows, account: UUID) -> None:
    plain, askew = submit(submission, account), submit(submission, account, deskew=True)
    _, items = batches.of_documents(account, [plain.id], {"deskew": True})
    assert [item.document_id for item in items] == [askew.id]
    assert rows.count(Document) == 2
    _, items = batches.of_documents(account, [plain.id, askew.id], {"deskew": True})
    assert [item.document_id for item in items] == [askew.id, askew.id]
    assert rows.count(BatchDocument) == 2


def test_by_force_everything_is_read_again(batches: Batches, submission: Submission, rows: Rows, account: UUID) -> None:
    plain = submit(submission, account)
    _, items = batches.of_documents(account, [plain.id], {}, force=True)
    again = rows.get_document(items[0].document_id)
    assert (again.id != plain.id, again.forced, again.content_key) == (True, True, None)


def test_the_same_request_again_makes_the_same(
    batches: Batches, submission: Submission, rows: Rows, account: UUID
) -> None:
    plain, batch_id = submit(submission, account), uuid4()
    for force in (False, True):
        asked = partial(batches.of_documents, account, [plain.id], {"clean": True}, force=force)
        assert asked(batch_id=batch_id) == asked(batch_id=batch_id)
        batch_id = uuid4()
    assert (rows.count(Batch), rows.count(Document)) == (2, 3)


def test_two_who_want_the_same_reading_get_one(
    batches: Batches, submission: Submission, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    sources = [submit(submission, account, PNG + bytes([number])).id for number in range(4)]
    orders = (sources, sources[::-1], sources[2:] + sources[:2])
    made = at_once([partial(batches.of_documents, account, order, {"deskew": True}) for order in orders])
    ids = {item.document_id for _, items in made for item in items}
    assert (len(ids), rows.count(Document), rows.count(Batch)) == (4, 8, 3)
    for document_id in ids:
        assert s3_store.get(rows.get_document(document_id).source_key).startswith(PNG)


def test_tries_of_one_request_at_the_same_moment_leave_its_file(
    batches: Batches, submission: Submission, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    plain = submit(submission, account)
    asked = partial(batches.of_documents, account, [plain.id], {"deskew": True}, batch_id=uuid4())
    (document_id,) = {item.document_id for _, items in at_once([asked] * 4) for item in items}
    assert s3_store.get(rows.get_document(document_id).source_key) == PNG


def test_what_has_no_file_cannot_be_read_otherwise(batches: Batches, rows: Rows, account: UUID) -> None:
    waiting = rows.document(account, DocumentStatus.AWAITING_UPLOAD, sha256=None).id
    with pytest.raises(Conflict, match=str(waiting)):
        batches.of_documents(account, [waiting], {"deskew": True})
    batches.of_documents(account, [waiting], {})


def test_unknown_documents_and_those_of_others_are_named(batches: Batches, rows: Rows, account: UUID) -> None:
    own, theirs, nobodys = rows.document(account).id, rows.document().id, uuid4()
    with pytest.raises(NotFound) as refused:
        batches.of_documents(account, [own, theirs, nobodys], {})
    assert [error["message"].split()[0] for error in refused.value.errors] == [str(theirs), str(nobodys)]
    assert rows.count(Batch) == 0


def test_one_wrong_upload_refuses_all(batches: Batches, rows: Rows, account: UUID) -> None:
    uploads = [("a.png", "image/png", 3), ("b.txt", "text/plain", 3)]
    with pytest.raises(UnsupportedMediaType) as refused:
        batches.of_uploads(account, uploads, DocumentOptions())
    assert [error["field"] for error in refused.value.errors] == ["uploads.1"]
    assert (rows.count(Document), rows.count(Batch)) == (0, 0)


def test_a_batch_of_another_account_is_as_unknown_as_none(batches: Batches, rows: Rows, account: UUID) -> None:
    batch_id, _ = batches.of_documents(account, [rows.document(account).id], {})
    for call in (batches.get, batches.cancel):
        with pytest.raises(NotFound):
            call(rows.account(), batch_id)
