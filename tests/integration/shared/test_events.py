"""A document that ends is told of once, in the transaction that ends it, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select

from shared.adapters.s3 import S3Store
from shared.config import Delivery, LightDelivery, Limits
from shared.contracts import OcrClose, OcrDocument
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.errors import Conflict, CorruptFile, EngineFailed, TwolaneError
from shared.models import Document, DocumentStatus, EventRow, utcnow
from shared.services.announcing import announce
from shared.services.documents import Documents
from shared.services.engines import Engines
from shared.services.jobs import Jobs
from shared.services.ledger import FailedPage, Ledger
from shared.services.options import DocumentOptions
from shared.services.relay import Relay
from shared.services.submission import Submission
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows, read_page
from tests.support.waiting import at_once


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, Delivery(max_attempts=1), LightDelivery())


def told(database: Database) -> list[EventRow]:
    """Every event there is, oldest first."""
    with database.read() as session:
        return list(session.scalars(select(EventRow).order_by(EventRow.occurred_at)))


def opened(rows: Rows, pages: int = 2) -> tuple[Document, Ledger]:
    """A document that is being read, none of its pages final yet."""
    document, ledger = rows.document(user_metadata={"order": "A-17"}), Ledger(rows.database)
    ledger.begin(document.id)
    ledger.open(document.id, pages, range(1, pages + 1))
    return document, ledger


def completed(rows: Rows) -> UUID:
    document, ledger = opened(rows)
    ledger.save(document.id, [read_page(1), read_page(2)])
    assert ledger.close(document.id, ledger.summary(document.id))
    return document.id


def partly_read(rows: Rows) -> UUID:
    document, ledger = opened(rows)
    ledger.save(document.id, [read_page(1)], [FailedPage(2, "page_too_large", "too large")])
    assert ledger.close(document.id, ledger.summary(document.id))
    return document.id


def fail(rows: Rows, document: Document, message: OcrDocument | OcrClose, error: TwolaneError) -> UUID:
    jobs = Jobs(rows.database, Delivery(max_attempts=1))
    claim = jobs.claim(rows.job(message, document_id=document.id))
    assert claim is not None
    jobs.fail(claim, error)
    return document.id


def given_up(rows: Rows) -> UUID:
    document = rows.document()
    return fail(rows, document, OcrDocument(document_id=document.id), CorruptFile("NUL \x00 and half a pair \ud800"))


def never_closed(rows: Rows) -> UUID:
    document, ledger = opened(rows)
    ledger.save(document.id, [read_page(1), read_page(2)])
    return fail(rows, document, OcrClose(document_id=document.id), EngineFailed("no outputs"))


def given_up_and_closed(rows: Rows) -> UUID:
    document, ledger = opened(rows)
    fail(rows, document, OcrDocument(document_id=document.id), EngineFailed("died"))
    assert ledger.close(document.id, ledger.summary(document.id))
    return document.id


def lost(rows: Rows) -> UUID:
    document = rows.document()
    jobs = Jobs(rows.database, Delivery(max_attempts=1))
    job_id = rows.job(OcrDocument(document_id=document.id), document_id=document.id)
    assert jobs.claim(job_id)
    assert jobs.release(job_id) == 1
    assert jobs.recover(10) == 1
    return document.id


@pytest.mark.parametrize(
    ("end", "kind", "code"),
    [
        (completed, "completed", None),
        (partly_read, "partial", "page_too_large"),
        (given_up, "failed", "corrupt_file"),
        (never_closed, "failed", "engine_failed"),
        (given_up_and_closed, "failed", "engine_failed"),
        (lost, "failed", "worker_lost"),
    ],
)
def test_each_end_is_told_once(
    rows: Rows, outgoing: Outgoing, end: Callable[[Rows], UUID], kind: str, code: str | None
) -> None:
    document = rows.get_document(end(rows))
    [event] = told(rows.database)
    assert (event.type, event.subject, event.account_id) == (f"document.{kind}", document.id, document.account_id)
    assert event.data["status"] == kind == document.status
    assert (event.data["error"] or {}).get("code") == code
    assert event.data["metadata"] == document.user_metadata
    assert event.published_at is not None
    assert [one.id for one in outgoing.events] == [event.id]


def test_an_upload_that_is_none_we_read_is_told_as_failed(database: Database, rows: Rows, s3_store: S3Store) -> None:
    submission = Submission(database, s3_store, Engines(database), Limits())
    document = submission.announce(rows.account(), "a.png", "image/png", 9, DocumentOptions()).document
    s3_store.put(document.source_key, b"no image!")
    at_once([partial(submission.accept_upload, document.source_key, 9)] * 3)
    [event] = told(database)
    assert (event.type, event.data["error"]["code"]) == ("document.failed", "unsupported_media_type")


def test_a_document_that_is_cancelled_is_told_of_once(database: Database, rows: Rows, s3_store: S3Store) -> None:
    document = rows.document()
    at_once([partial(_cancel, Documents(database, s3_store), document)] * 6)
    assert [event.type for event in told(database)] == ["document.cancelled"]


def test_of_many_that_close_one_tells(rows: Rows) -> None:
    document, ledger = opened(rows)
    ledger.save(document.id, [read_page(1), read_page(2)])
    summary = ledger.summary(document.id)
    assert sum(at_once([partial(ledger.close, document.id, summary)] * 8)) == 1
    assert len(told(rows.database)) == 1


def test_closing_failing_and_cancelling_at_once_tell_of_one_end(
    database: Database, rows: Rows, jobs: Jobs, s3_store: S3Store
) -> None:
    documents = Documents(database, s3_store)
    for _ in range(5):
        document, ledger = opened(rows)
        ledger.save(document.id, [read_page(1), read_page(2)])
        summary, close = ledger.summary(document.id), OcrClose(document_id=document.id)
        claim = jobs.claim(rows.job(close, document_id=document.id))
        assert claim is not None
        calls: list[Callable[[], object]] = [
            partial(ledger.close, document.id, summary),
            partial(_cancel, documents, document),
            partial(jobs.fail, claim, EngineFailed("no outputs")),
        ]
        at_once(calls)
    assert len(told(database)) == len({event.subject for event in told(database)}) == 5


def _cancel(documents: Documents, document: Document) -> None:
    with suppress(Conflict):
        documents.cancel(document.account_id, document.id)


def test_a_document_that_is_retried_ends_again_and_is_told_of_again(
    database: Database, rows: Rows, s3_store: S3Store
) -> None:
    document = rows.get_document(given_up(rows))
    Documents(database, s3_store).retry(document.account_id, document.id)
    fail(rows, document, OcrDocument(document_id=document.id), CorruptFile("still no image"))
    events = told(database)
    assert [event.type for event in events] == ["document.failed"] * 2
    assert len({event.id for event in events}) == 2


def test_what_is_rolled_back_is_not_told(database: Database, rows: Rows, outgoing: Outgoing) -> None:
    document = rows.document()

    def stop_short() -> None:
        with database.write() as work:
            found = work.session.get_one(Document, document.id)
            found.status = DocumentStatus.COMPLETED
            announce(work, found)
            raise EngineFailed("stopped before the commit")

    with pytest.raises(EngineFailed):
        stop_short()
    assert (told(database), outgoing.events) == ([], [])


def test_without_a_bus_nothing_is_written(database_url: str, outgoing: Outgoing) -> None:
    database = Database(make_engine(database_url), outgoing, outgoing.take_light)
    completed(Rows(database))
    assert told(database) == []
    database.close()


def test_with_the_bus_down_the_document_ends_and_the_relay_tells(
    database: Database, rows: Rows, jobs: Jobs, outgoing: Outgoing
) -> None:
    outgoing.down = True
    document_id = completed(rows)
    assert rows.get_document(document_id).status == DocumentStatus.COMPLETED
    [event] = told(database)
    assert (event.published_at, outgoing.events) == (None, [])
    relay = Relay(database, jobs, Delivery(), lambda: 0)
    rows.change(EventRow, event.id, occurred_at=utcnow() - timedelta(minutes=1))
    assert relay.run().published == 0
    outgoing.down = False
    assert relay.run().published == 1
    assert [one.id for one in outgoing.events] == [event.id]
    assert told(database)[0].published_at is not None
    assert relay.run().published == 0
