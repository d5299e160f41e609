"""Outputs: found, asked for once, asked for again after a failure; another account's are as unknown as none."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from shared.adapters.s3 import S3Store
from shared.contracts import MakeOutput
from shared.db.unit_of_work import Database
from shared.errors import Conflict, NotFinal, NotFound, ObjectMissing, OutputFailed
from shared.models import Document, DocumentStatus, JobRow, JobStatus
from shared.services.ledger import DocumentGone
from shared.services.outputs import Outputs, Result, result_key
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows


@pytest.fixture
def outputs(database: Database, s3_store: S3Store) -> Outputs:
    return Outputs(database, s3_store)


def completed(rows: Rows) -> Document:
    return rows.document(status=DocumentStatus.COMPLETED)


def asked(outputs: Outputs, document: Document) -> UUID:
    job_id = outputs.ask(document.account_id, document.id, "tsv")
    assert isinstance(job_id, UUID)
    return job_id


def test_text_is_there_when_the_document_is_final(outputs: Outputs, rows: Rows, s3_store: S3Store) -> None:
    document = rows.document(status=DocumentStatus.PROCESSING)
    with pytest.raises(NotFinal):
        outputs.ask(document.account_id, document.id, "text")
    rows.change(Document, document.id, status=DocumentStatus.FAILED, error_message="torn")
    with pytest.raises(Conflict, match="torn"):
        outputs.ask(document.account_id, document.id, "text")
    rows.change(Document, document.id, status=DocumentStatus.PARTIAL)
    with pytest.raises(ObjectMissing):
        outputs.ask(document.account_id, document.id, "text")
    s3_store.put(f"documents/{document.id}/result.txt", b"text")
    found = outputs.ask(document.account_id, document.id, "text")
    assert isinstance(found, Result)
    assert (found.size_bytes, found.media_type) == (4, "text/plain; charset=utf-8")


def test_another_accounts_output_is_as_unknown_as_none(outputs: Outputs, rows: Rows) -> None:
    document = completed(rows)
    with pytest.raises(NotFound):
        outputs.ask(rows.account(), document.id, "tsv")
    with pytest.raises(NotFound):
        outputs.look(rows.account(), document.id, "tsv", uuid4())


def test_asking_twice_sends_one_job(outputs: Outputs, rows: Rows, outgoing: Outgoing) -> None:
    document = completed(rows)
    assert asked(outputs, document) == asked(outputs, document)
    assert [message.name for message in outgoing.sent] == [MakeOutput.name]


def test_what_is_made_is_found(outputs: Outputs, rows: Rows, s3_store: S3Store) -> None:
    document = completed(rows)
    job_id = asked(outputs, document)
    assert outputs.look(document.account_id, document.id, "tsv", job_id) is None
    s3_store.put(result_key(document.id, 0, "tsv"), b"table")
    rows.change(JobRow, job_id, status=JobStatus.SUCCEEDED)
    found = outputs.look(document.account_id, document.id, "tsv", job_id)
    assert found == outputs.ask(document.account_id, document.id, "tsv")
    assert found is not None
    assert found.size_bytes == 5


def test_a_failure_says_what_was_in_the_way_and_is_tried_again(
    outputs: Outputs, rows: Rows, outgoing: Outgoing
) -> None:
    document = completed(rows)
    job_id = asked(outputs, document)
    rows.change(JobRow, job_id, status=JobStatus.FAILED, error_code="corrupt_file", error_message="torn", attempt=5)
    with pytest.raises(OutputFailed, match="torn") as raised:
        outputs.look(document.account_id, document.id, "tsv", job_id)
    assert raised.value.code == "corrupt_file"
    assert OutputFailed.code == "output_failed"
    assert asked(outputs, document) == job_id
    assert len(outgoing.sent) == 2
    assert outputs.look(document.account_id, document.id, "tsv", job_id) is None


def test_an_output_that_is_gone_from_the_store_is_made_once_more(
    outputs: Outputs, rows: Rows, outgoing: Outgoing
) -> None:
    document = completed(rows)
    job_id = asked(outputs, document)
    rows.change(JobRow, job_id, status=JobStatus.SUCCEEDED)
    with pytest.raises(OutputFailed):
        outputs.look(document.account_id, document.id, "tsv", job_id)
    assert asked(outputs, document) == job_id
    assert len(outgoing.sent) == 2


def test_a_retry_makes_outputs_anew(outputs: Outputs, rows: Rows, s3_store: S3Store) -> None:
    document = completed(rows)
    s3_store.put(result_key(document.id, 0, "tsv"), b"before")
    assert isinstance(outputs.ask(document.account_id, document.id, "tsv"), Result)
    rows.change(Document, document.id, generation=1)
    assert asked(outputs, document)


def test_a_document_that_is_read_again_has_nothing_to_make(outputs: Outputs, rows: Rows) -> None:
    document = completed(rows)
    assert outputs.to_make(document.id).id == document.id
    rows.change(Document, document.id, status=DocumentStatus.QUEUED)
    with pytest.raises(DocumentGone):
        outputs.to_make(document.id)
    with pytest.raises(DocumentGone):
        outputs.to_make(uuid4())
