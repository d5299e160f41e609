"""What an account can do with its documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database
from shared.errors import Conflict, InvalidOption, NotFound, ObjectMissing
from shared.models import Document, DocumentStatus, JobRow, JobStatus, OutboxRow, Page, utcnow
from shared.services.documents import Documents
from shared.services.ledger import DocumentGone, FailedPage, Ledger
from shared.services.submission import send_reading
from shared.values import Filter
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows, read_page
from tests.support.waiting import at_once


@pytest.fixture
def documents(database: Database, s3_store: S3Store) -> Documents:
    return Documents(database, s3_store)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def queued(rows: Rows) -> Document:
    """A document with its job."""
    document = rows.document()
    with rows.database.write() as work:
        send_reading(work, document)
    return document


def partial(rows: Rows, ledger: Ledger) -> Document:
    """A document of three pages, the second of which could not be read."""
    document = ledger.begin(queued(rows).id)
    ledger.open(document.id, 3, [1, 2, 3])
    ledger.save(document.id, [read_page(1), read_page(3)], [FailedPage(2, "engine_failed", "it died")])
    ledger.close(document.id, ledger.summary(document.id))
    return rows.get_document(document.id)


def listed(documents: Documents, account: UUID, which: Filter, limit: int) -> list[UUID]:
    """Follow the cursors to the end."""
    ids: list[UUID] = []
    cursor: str | None = None
    while True:
        page, cursor = documents.list(account, which, limit, cursor)
        ids += [row.id for row in page]
        if cursor is None:
            return ids


def test_lists_go_on_where_they_stopped_whatever_comes_in(documents: Documents, rows: Rows) -> None:
    account, moment = rows.account(), utcnow()
    made = [rows.document(account, created_at=moment).id for _ in range(5)]
    made += [rows.document(account, created_at=moment - timedelta(seconds=age)).id for age in (1, 2)]
    first, cursor = documents.list(account, Filter(), 3, None)
    rows.document(account, created_at=moment + timedelta(seconds=1))
    second, end = documents.list(account, Filter(), 4, cursor)
    assert end is None
    seen = [row.id for row in (*first, *second)]
    assert sorted(seen) == sorted(made)
    assert seen[5:] == made[5:]


def test_a_page_that_is_just_full_has_no_next(documents: Documents, rows: Rows) -> None:
    account = rows.account()
    rows.document(account)
    rows.document(account)
    page, cursor = documents.list(account, Filter(), 2, None)
    assert (len(page), cursor) == (2, None)


def test_lists_hold_what_the_filter_says(documents: Documents, rows: Rows) -> None:
    account, moment = rows.account(), utcnow()
    old = rows.document(account, created_at=moment - timedelta(days=2)).id
    new = rows.document(account, DocumentStatus.FAILED, created_at=moment).id
    rows.document()
    assert listed(documents, account, Filter(), 1) == [new, old]
    assert listed(documents, account, Filter(status=DocumentStatus.FAILED), 9) == [new]
    assert listed(documents, account, Filter(created_after=moment), 9) == [new]
    assert listed(documents, account, Filter(created_before=moment), 9) == [old]


@pytest.mark.parametrize("cursor", ["", "x", "////", "MQ==", "é", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCAx"])
def test_a_cursor_that_is_none_is_refused(documents: Documents, rows: Rows, cursor: str) -> None:
    with pytest.raises(InvalidOption):
        documents.list(rows.account(), Filter(), 9, cursor)


@pytest.mark.parametrize(
    "call",
    [
        lambda documents, account, document: documents.get(account, document),
        lambda documents, account, document: documents.pages(account, document, 0, 9),
        lambda documents, account, document: documents.cancel(account, document),
        lambda documents, account, document: documents.retry(account, document),
        lambda documents, account, document: documents.delete(account, document),
    ],
)
def test_another_accounts_document_is_as_unknown_as_none(
    documents: Documents, rows: Rows, call: Callable[[Documents, UUID, UUID], object]
) -> None:
    document, stranger = rows.document(), rows.account()
    for document_id in (document.id, uuid4()):
        with pytest.raises(NotFound):
            call(documents, stranger, document_id)
    assert rows.get_document(document.id).status == DocumentStatus.QUEUED


def test_final_pages_are_listed_while_others_are_read(documents: Documents, rows: Rows, ledger: Ledger) -> None:
    document = ledger.begin(rows.document().id)
    ledger.open(document.id, 4, [1, 2, 3, 4])
    ledger.save(document.id, [read_page(1), read_page(4)], [FailedPage(3, "corrupt_file", "torn")])
    pages = documents.pages(document.account_id, document.id, 0, 2)
    assert [page.number for page in pages] == [1, 3]
    assert [page.number for page in documents.pages(document.account_id, document.id, 3, 2)] == [4]


def test_words_are_a_slice_of_their_object(documents: Documents, s3_store: S3Store) -> None:
    s3_store.put("words", b'[1][{"text": "a"}][3]')
    assert documents.words(Page(words_key="words", words_offset=3, words_length=15)) == b'[{"text": "a"}]'
    assert documents.words(Page()) == b"[]"


def test_deleting_takes_rows_and_files(documents: Documents, rows: Rows, ledger: Ledger, s3_store: S3Store) -> None:
    document, other = partial(rows, ledger), queued(rows)
    keys = [f"documents/{document.id}/source", f"documents/{document.id}/words/1", f"uploads/{document.id}/source"]
    for key in (*keys, other.source_key):
        s3_store.put(key, b"x")
    documents.delete(document.account_id, document.id)
    assert [row.document_id for row in rows.jobs()] == [other.id]
    assert (rows.count(Page), rows.count(OutboxRow), rows.count(Document)) == (0, 0, 1)
    for key in keys:
        with pytest.raises(ObjectMissing):
            s3_store.get(key)
    assert s3_store.get(other.source_key) == b"x"
    with pytest.raises(DocumentGone):
        ledger.save(document.id, [read_page(1)])


def test_cancelling_stops_the_document_and_its_jobs(documents: Documents, rows: Rows) -> None:
    document = queued(rows)
    [job] = rows.jobs()
    rows.change(JobRow, job.id, status=JobStatus.RUNNING, lease_token=uuid4())
    assert documents.cancel(document.account_id, document.id).status == DocumentStatus.CANCELLED
    [job] = rows.jobs()
    assert (job.status, job.lease_token) == (JobStatus.CANCELLED, None)
    with pytest.raises(Conflict):
        documents.cancel(document.account_id, document.id)


def test_a_retry_reads_failed_pages_alone(documents: Documents, rows: Rows, ledger: Ledger, outgoing: Outgoing) -> None:
    document = partial(rows, ledger)
    again = documents.retry(document.account_id, document.id)
    assert (again.status, again.generation, again.pages_done, again.error_code) == ("queued", 1, 2, None)
    assert outgoing.names == ["ocr.document", "ocr.document"]
    ledger.begin(document.id)
    assert ledger.pending(document.id) == [2]
    assert ledger.save(document.id, [read_page(2)]).complete
    assert ledger.close(document.id, ledger.summary(document.id))
    assert rows.get_document(document.id).status == DocumentStatus.COMPLETED


def test_a_retry_takes_up_what_a_cancelled_document_did_not_get_to(
    documents: Documents, rows: Rows, ledger: Ledger
) -> None:
    document = ledger.begin(queued(rows).id)
    ledger.open(document.id, 4, [1, 2, 3, 4])
    ledger.fan_out(document, [[1, 2], [3, 4]])
    ledger.save(document.id, [read_page(1)])
    documents.cancel(document.account_id, document.id)
    documents.retry(document.account_id, document.id)
    document = ledger.begin(document.id)
    assert ledger.pending(document.id) == [2, 3, 4]
    ledger.fan_out(document, [[2, 3], [4]])
    running = [job for job in rows.jobs() if job.status == JobStatus.QUEUED]
    assert sorted(job.key or "" for job in running) == sorted(
        [f"ocr.document:{document.id}:1", f"ocr.pages:{document.id}:1:2", f"ocr.pages:{document.id}:1:4"]
    )


def test_a_document_that_failed_before_its_ledger_can_be_retried(documents: Documents, rows: Rows) -> None:
    document = rows.document(status=DocumentStatus.FAILED, error_code="engine_failed")
    assert documents.retry(document.account_id, document.id).status == DocumentStatus.QUEUED
    assert [job.key for job in rows.jobs()] == [f"ocr.document:{document.id}:1"]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"status": DocumentStatus.COMPLETED}, "completed; only a partial, failed or cancelled one"),
        ({"status": DocumentStatus.PROCESSING}, "processing; only a partial, failed or cancelled one"),
        ({"status": DocumentStatus.CANCELLED, "sha256": None}, "cancelled and its file never came"),
    ],
)
def test_there_is_nothing_to_retry(documents: Documents, rows: Rows, columns: dict[str, str], why: str) -> None:
    document = rows.document(**columns)  # type: ignore[arg-type]  # columns of a row
    with pytest.raises(Conflict, match=why):
        documents.retry(document.account_id, document.id)


def test_retries_at_the_same_moment_are_one(documents: Documents, rows: Rows, ledger: Ledger) -> None:
    document = partial(rows, ledger)

    def retry() -> bool:
        try:
            documents.retry(document.account_id, document.id)
        except Conflict:
            return False
        return True

    assert sorted(at_once([retry] * 4)) == [False, False, False, True]
    assert rows.get_document(document.id).generation == 1
