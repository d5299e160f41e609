"""What counts as a dead letter, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from shared.adapters.s3 import S3Store
from shared.config import Delivery
from shared.contracts import OcrDocument, Ping
from shared.db.unit_of_work import Database
from shared.errors import CorruptFile, EngineFailed, WrongPassword
from shared.models import Document, DocumentStatus, JobStatus
from shared.services.dead_letters import count_dead_letters
from shared.services.documents import Documents
from shared.services.jobs import Jobs
from shared.services.ledger import FailedPage, Ledger
from tests.support.rows import Rows, read_page


@pytest.fixture
def dead_letters(database: Database) -> Callable[[], int]:
    """Counts them."""

    def count() -> int:
        with database.read() as session:
            return count_dead_letters(session)

    return count


def given_up(rows: Rows, error: Exception, document: Document | None = None) -> UUID:
    """A job that failed on its only attempt."""
    jobs = Jobs(rows.database, Delivery(max_attempts=1))
    message = Ping() if document is None else OcrDocument(document_id=document.id)
    job_id = rows.job(message, document_id=document.id if document else None)
    claim = jobs.claim(job_id)
    assert claim is not None
    assert jobs.fail(claim, error) == JobStatus.FAILED
    return job_id


def closed(rows: Rows, *failed: FailedPage) -> Document:
    """A document of three pages, closed with these failures."""
    ledger, document = Ledger(rows.database), rows.document()
    ledger.begin(document.id)
    ledger.open(document.id, 3, [1, 2, 3])
    failures = {page.number for page in failed}
    ledger.save(document.id, [read_page(number) for number in {1, 2, 3} - failures], failed)
    assert ledger.close(document.id, ledger.summary(document.id))
    return document


def test_at_first_there_are_none(dead_letters: Callable[[], int]) -> None:
    assert dead_letters() == 0


def test_a_document_that_was_given_up_is_one_however_many_of_its_jobs_were(
    rows: Rows, dead_letters: Callable[[], int]
) -> None:
    document = rows.document()
    for _ in range(3):
        given_up(rows, EngineFailed("no luck"), document)
    assert rows.get_document(document.id).status == DocumentStatus.FAILED
    assert dead_letters() == 1


def test_an_error_nobody_foresaw_makes_one(rows: Rows, dead_letters: Callable[[], int]) -> None:
    given_up(rows, ZeroDivisionError("division by zero"), rows.document())
    assert dead_letters() == 1


@pytest.mark.parametrize("error", [CorruptFile("it is torn"), WrongPassword("it does not open")], ids=lambda e: e.code)
def test_a_file_that_is_at_fault_itself_is_none(rows: Rows, dead_letters: Callable[[], int], error: Exception) -> None:
    given_up(rows, error, rows.document())
    assert dead_letters() == 0


def test_a_job_without_a_document_that_was_given_up_is_one(rows: Rows, dead_letters: Callable[[], int]) -> None:
    given_up(rows, EngineFailed("no luck"))
    assert dead_letters() == 1


def test_a_document_one_page_of_which_was_given_up_is_one(rows: Rows, dead_letters: Callable[[], int]) -> None:
    closed(rows, FailedPage(2, "page_timeout", "took too long"))
    assert dead_letters() == 1


def test_a_page_that_was_given_up_counts_behind_one_that_is_at_fault(
    rows: Rows, dead_letters: Callable[[], int]
) -> None:
    document = closed(rows, FailedPage(1, "page_too_large", "a wall"), FailedPage(3, "page_timeout", "took too long"))
    assert rows.get_document(document.id).error_code == "page_too_large"
    assert dead_letters() == 1


def test_a_page_that_is_at_fault_is_none(rows: Rows, dead_letters: Callable[[], int]) -> None:
    closed(rows, FailedPage(2, "page_too_large", "a wall"))
    assert dead_letters() == 0


def test_what_is_retried_is_none_any_more(rows: Rows, dead_letters: Callable[[], int], s3_store: S3Store) -> None:
    document = closed(rows, FailedPage(2, "page_timeout", "took too long"))
    assert dead_letters() == 1
    Documents(rows.database, s3_store).retry(document.account_id, document.id)
    assert dead_letters() == 0
