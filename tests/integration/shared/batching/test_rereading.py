"""Batches of documents that are here, read with other options or as they were; what is refused."""

from __future__ import annotations

from functools import partial
from uuid import UUID, uuid4

import pytest

from shared.adapters.s3 import S3Store
from shared.errors import Conflict, NotFound, UnsupportedMediaType
from shared.models import Batch, BatchDocument, Document, DocumentStatus
from shared.services.batches import Batches
from shared.services.options import DocumentOptions
from shared.services.submission import Submission
from tests.support.rows import Rows
from tests.support.waiting import at_once

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


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
