"""Asking for fields: once a generation, at any moment, and what becomes of it when something is in the way."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from shared.adapters.queues import Queues
from shared.config import Delivery
from shared.contracts import ExtractInvoice
from shared.db.unit_of_work import Database
from shared.errors import Conflict, NotFinal, NotFound, NotRequeueable, ObjectMissing, StorageUnavailable
from shared.models import DeadLetter, Document, DocumentStatus, Extraction, JobStatus
from shared.services.dead_letter_list import DeadLetters
from shared.services.documents import reopen, stop
from shared.services.extractions import FIRST_PAGES, LAST_PAGES, Extractions, Outcome
from shared.services.jobs import Jobs
from shared.services.ledger import DocumentGone, FailedPage, Ledger
from shared.values import ExtractionStatus
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows, read_page

READ = DocumentStatus.COMPLETED
FOUND = Outcome("rules", {"total": None}, micros=3)


@pytest.fixture
def extractions(database: Database) -> Extractions:
    """The service."""
    return Extractions(database)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    """Jobs that are given up when they fail for the first time."""
    return Jobs(database, Delivery(max_attempts=1, retry_seconds=0))


def extracting(rows: Rows) -> list[str]:
    """How the jobs stand that look for fields."""
    return [job.status.value for job in rows.jobs(ExtractInvoice.name)]


def read(database: Database, rows: Rows, *, failed: bool = False, **columns: Any) -> Document:
    """A document of two pages that a reader has just closed."""
    document = rows.document(**columns)
    ledger = Ledger(database)
    ledger.begin(document.id)
    ledger.open(document.id, 2, [1, 2])
    done = [read_page(1)] if failed else [read_page(1), read_page(2)]
    ledger.save(document.id, done, [FailedPage(2, "engine_failed", "It failed.")] if failed else [])
    assert ledger.close(document.id, ledger.summary(document.id))
    return rows.get_document(document.id)


def fail(rows: Rows, jobs: Jobs, error: Exception) -> UUID:
    """Give the job up that is waiting."""
    job = rows.jobs(ExtractInvoice.name)[-1]
    claim = jobs.claim(job.id)
    assert claim is not None
    assert jobs.fail(claim, error) == JobStatus.FAILED
    return job.id


def test_closing_a_document_starts_what_was_asked_for_with_it(
    database: Database, rows: Rows, extractions: Extractions, outgoing: Outgoing
) -> None:
    document = read(database, rows, extract="invoice")
    assert extracting(rows) == ["queued"]
    assert outgoing.names == [ExtractInvoice.name]
    with pytest.raises(NotFinal):
        extractions.get(document.account_id, document.id)


def test_closing_starts_nothing_that_nobody_asked_for(database: Database, rows: Rows, extractions: Extractions) -> None:
    document = read(database, rows)
    assert extracting(rows) == []
    with pytest.raises(NotFound, match="POST"):
        extractions.get(document.account_id, document.id)


def test_a_document_of_which_no_page_was_read_has_no_fields(
    database: Database, rows: Rows, extractions: Extractions
) -> None:
    document = rows.document(extract="invoice")
    ledger = Ledger(database)
    ledger.begin(document.id)
    ledger.open(document.id, 1, [1])
    ledger.save(document.id, [], [FailedPage(1, "page_too_large", "It is too large.")])
    ledger.close(document.id, ledger.summary(document.id))
    assert extracting(rows) == []
    with pytest.raises(Conflict, match="failed and has no fields: It is too large"):
        extractions.get(document.account_id, document.id)
    with pytest.raises(Conflict):
        extractions.start(document.account_id, document.id)


def test_starting_twice_starts_once(database: Database, rows: Rows, extractions: Extractions) -> None:
    document = read(database, rows)
    first = extractions.start(document.account_id, document.id)
    again = extractions.start(document.account_id, document.id)
    assert (first.status, again.created_at) == (ExtractionStatus.QUEUED, first.created_at)
    assert extracting(rows) == ["queued"]
    extractions.finish(extractions.begin(document.id), FOUND)
    assert extractions.start(document.account_id, document.id).status == ExtractionStatus.COMPLETED
    assert extracting(rows) == ["queued"]


def test_what_was_found_is_kept_once(database: Database, rows: Rows, extractions: Extractions) -> None:
    document = read(database, rows, extract="invoice")
    begun = extractions.begin(document.id)
    extractions.finish(begun, FOUND)
    # The same job again, after a crash between the two, and a twin that was as far.
    with pytest.raises(DocumentGone):
        extractions.begin(document.id)
    with pytest.raises(DocumentGone):
        extractions.finish(begun, Outcome("llm", {"total": 1}))
    row = extractions.get(document.account_id, document.id)
    assert (row.extractor, row.fields, row.micros, row.error_code) == ("rules", {"total": None}, 3, None)


def test_a_fallback_is_kept_with_what_was_found(database: Database, rows: Rows, extractions: Extractions) -> None:
    document = read(database, rows, extract="invoice")
    extractions.finish(extractions.begin(document.id), Outcome("rules", {}, fallback=StorageUnavailable("Away.")))
    row = extractions.get(document.account_id, document.id)
    assert (row.status, row.error_code, row.error_message) == ("completed", "storage_unavailable", "Away.")


@pytest.mark.parametrize("status", [DocumentStatus.QUEUED, DocumentStatus.PROCESSING])
def test_a_document_that_is_being_read_can_wait(rows: Rows, extractions: Extractions, status: DocumentStatus) -> None:
    document = rows.document(status=status, extract="invoice")
    with pytest.raises(NotFinal):
        extractions.start(document.account_id, document.id)
    with pytest.raises(NotFinal):
        extractions.get(document.account_id, document.id)


def test_another_account_knows_nothing_of_it(database: Database, rows: Rows, extractions: Extractions) -> None:
    document = read(database, rows, extract="invoice")
    with pytest.raises(NotFound, match="no such document"):
        extractions.get(uuid4(), document.id)
    with pytest.raises(NotFound, match="no such document"):
        extractions.start(uuid4(), document.id)


def test_a_document_deleted_meanwhile_keeps_nothing(database: Database, rows: Rows, extractions: Extractions) -> None:
    document = read(database, rows, extract="invoice")
    begun = extractions.begin(document.id)
    with database.write() as work:
        work.session.delete(work.session.get_one(Document, document.id))
    with pytest.raises(DocumentGone):
        extractions.finish(begun, FOUND)
    assert rows.count(Extraction) == 0


def test_reading_failed_pages_again_looks_for_the_fields_again(
    database: Database, rows: Rows, extractions: Extractions
) -> None:
    document = read(database, rows, failed=True)
    extractions.start(document.account_id, document.id)
    begun = extractions.begin(document.id)
    with database.write() as work:
        reopen(work, work.session.get_one(Document, document.id))
    with pytest.raises(DocumentGone):  # of what was read before
        extractions.finish(begun, FOUND)
    with pytest.raises(DocumentGone):
        extractions.begin(document.id)
    with pytest.raises(NotFinal):
        extractions.get(document.account_id, document.id)
    ledger = Ledger(database)
    ledger.begin(document.id)
    ledger.save(document.id, [read_page(2)])
    ledger.close(document.id, ledger.summary(document.id))
    assert extracting(rows) == ["queued", "queued"]
    extractions.finish(extractions.begin(document.id), FOUND)
    assert extractions.get(document.account_id, document.id).generation == 1


def test_cancelling_ends_the_search_and_a_retry_begins_it_anew(
    database: Database, rows: Rows, extractions: Extractions
) -> None:
    document = read(database, rows, failed=True, extract="invoice")
    with database.write() as work:
        row = work.session.get_one(Document, document.id)
        reopen(work, row)
        stop(work, row)
    assert extracting(rows) == ["cancelled"]
    with pytest.raises(Conflict, match="cancelled and has no fields"):
        extractions.get(document.account_id, document.id)
    with database.write() as work:
        reopen(work, work.session.get_one(Document, document.id))
    ledger = Ledger(database)
    ledger.begin(document.id)
    ledger.save(document.id, [read_page(2)])
    ledger.close(document.id, ledger.summary(document.id))
    assert extracting(rows) == ["cancelled", "queued"]
    extractions.finish(extractions.begin(document.id), FOUND)
    assert extractions.get(document.account_id, document.id).generation == 2


def test_a_failure_is_told_and_can_be_tried_again(
    database: Database, rows: Rows, extractions: Extractions, jobs: Jobs, outgoing: Outgoing
) -> None:
    document = read(database, rows, extract="invoice")
    fail(rows, jobs, StorageUnavailable("The store is away."))
    row = extractions.get(document.account_id, document.id)
    assert (row.status, row.error_code, row.error_message) == ("failed", "storage_unavailable", "The store is away.")
    assert rows.get_document(document.id).status == READ
    assert extractions.start(document.account_id, document.id).status == ExtractionStatus.QUEUED
    assert extracting(rows) == ["queued"]
    assert outgoing.names == [ExtractInvoice.name] * 2
    with database.read() as session:
        (letter,) = session.scalars(select(DeadLetter))
    assert (letter.name, letter.resolution) == (ExtractInvoice.name, "retried")


def test_a_dead_letter_puts_it_back(database: Database, rows: Rows, extractions: Extractions, jobs: Jobs) -> None:
    document = read(database, rows, extract="invoice")
    job_id = fail(rows, jobs, StorageUnavailable("The store is away."))
    letters = DeadLetters(database, Queues({}))
    assert letters.requeue(job_id).document_id is None
    assert extracting(rows) == ["queued"]
    extractions.finish(extractions.begin(document.id), FOUND)
    assert extractions.get(document.account_id, document.id).status == ExtractionStatus.COMPLETED


def test_a_dead_letter_of_fields_that_are_looked_for_anew_puts_nothing_back(
    database: Database, rows: Rows, jobs: Jobs
) -> None:
    document = read(database, rows, failed=True, extract="invoice")
    job_id = fail(rows, jobs, StorageUnavailable("The store is away."))
    with database.write() as work:
        reopen(work, work.session.get_one(Document, document.id))
    ledger = Ledger(database)
    ledger.begin(document.id)
    ledger.save(document.id, [read_page(2)])
    ledger.close(document.id, ledger.summary(document.id))
    with pytest.raises(NotRequeueable):
        DeadLetters(database, Queues({})).requeue(job_id)


def test_words_that_are_gone_are_no_dead_letter(
    database: Database, rows: Rows, extractions: Extractions, jobs: Jobs
) -> None:
    document = read(database, rows, extract="invoice")
    fail(rows, jobs, ObjectMissing("They are gone."))
    assert extractions.get(document.account_id, document.id).error_code == "object_missing"
    assert rows.count(DeadLetter) == 0


def test_of_a_long_document_the_first_and_last_pages_are_looked_at(
    database: Database, rows: Rows, extractions: Extractions
) -> None:
    document = rows.document()
    ledger = Ledger(database)
    ledger.begin(document.id)
    ledger.open(document.id, 40, range(1, 41))
    ledger.save(document.id, [read_page(n) for n in range(2, 41)], [FailedPage(1, "engine_failed", "It failed.")])
    numbers = [page.number for page in extractions.pages(document.id)]
    assert numbers == [*range(2, 2 + FIRST_PAGES), *range(41 - LAST_PAGES, 41)]
