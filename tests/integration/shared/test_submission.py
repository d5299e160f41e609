"""The way in."""

from __future__ import annotations

import json
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from shared.adapters.s3 import S3Store
from shared.config import Limits
from shared.db.unit_of_work import Database
from shared.errors import EmptyFile, FileTooLarge, InvalidFilename, ObjectMissing, UnsupportedMediaType, UrlNotAllowed
from shared.models import Delivery, Document, DocumentStatus, utcnow
from shared.services.engines import Engines
from shared.services.options import DocumentOptions
from shared.services.submission import Submission
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

PNG = b"\x89PNG\r\n\x1a\n and so on"
OPTIONS = DocumentOptions()
PASSWORD = "opens the file"  # noqa: S105  # of no account


@pytest.fixture
def submission(database: Database, s3_store: S3Store) -> Submission:
    return Submission(database, s3_store, Engines(database), Limits(max_direct_bytes=100, max_upload_bytes=1000))


def announced(submission: Submission, account: UUID, options: DocumentOptions = OPTIONS) -> Document:
    return submission.announce(account, "scan.png", "image/png", len(PNG), options).document


# --- at once


def test_a_document_comes_in_with_its_bytes_its_row_and_its_job(
    submission: Submission, rows: Rows, s3_store: S3Store, outgoing: Outgoing
) -> None:
    options = DocumentOptions(languages="deu", urgent=True, password=PASSWORD, metadata={"a": 1})
    taken = submission.submit(rows.account(), "C:\\scans\\letter.pdf", PNG, options)
    row = rows.get_document(taken.document.id)
    assert taken.created
    assert (row.status, row.filename, row.media_type, row.size_bytes) == ("queued", "letter.pdf", "image/png", len(PNG))
    assert (row.options["languages"], row.password, row.user_metadata, row.priority) == ("deu", PASSWORD, {"a": 1}, 10)
    assert s3_store.get(row.source_key) == PNG
    assert [(message.name, message.priority) for message in outgoing.sent] == [("ocr.document", 10)]


def test_the_same_again_is_the_same_document(submission: Submission, rows: Rows) -> None:
    account = rows.account()
    first = submission.submit(account, "a.png", PNG, OPTIONS)
    second = submission.submit(account, "b.png", PNG, DocumentOptions(priority=9))
    assert (second.created, second.document.id) == (False, first.document.id)
    assert len(rows.jobs()) == 1


def test_other_bytes_options_or_accounts_make_another_document(submission: Submission, rows: Rows) -> None:
    account = rows.account()
    taken = [
        submission.submit(account, "a.png", PNG, OPTIONS),
        submission.submit(account, "a.png", PNG + b"!", OPTIONS),
        submission.submit(account, "a.png", PNG, DocumentOptions(deskew=True)),
        submission.submit(account, "a.png", PNG, DocumentOptions(password=PASSWORD)),
        submission.submit(rows.account(), "a.png", PNG, OPTIONS),
    ]
    assert all(submitted.created for submitted in taken)
    assert rows.count(Document) == 5


def test_the_same_at_the_same_moment_is_one_document_with_one_job(
    submission: Submission, rows: Rows, s3_store: S3Store
) -> None:
    account = rows.account()
    taken = at_once([lambda: submission.submit(account, "a.png", PNG, OPTIONS)] * 8)
    assert len({submitted.document.id for submitted in taken}) == 1
    assert sum(submitted.created for submitted in taken) == 1
    assert (rows.count(Document), len(rows.jobs())) == (1, 1)
    assert s3_store.get(taken[0].document.source_key) == PNG


def test_force_reads_again_and_the_newest_is_found_from_then_on(submission: Submission, rows: Rows) -> None:
    account = rows.account()
    first = submission.submit(account, "a.png", PNG, OPTIONS)
    forced = submission.submit(account, "a.png", PNG, OPTIONS, force=True)
    found = submission.submit(account, "a.png", PNG, OPTIONS)
    assert forced.created
    assert forced.document.id != first.document.id
    assert found.document.id == forced.document.id


def test_a_repeated_request_finds_its_document_and_keeps_its_file(
    submission: Submission, rows: Rows, s3_store: S3Store
) -> None:
    account, document_id = rows.account(), uuid4()
    submission.submit(account, "a.png", PNG, OPTIONS, document_id=document_id, force=True)
    submission.submit(account, "a.png", PNG, OPTIONS, force=True)
    again = submission.submit(account, "a.png", PNG, OPTIONS, document_id=document_id, force=True)
    assert (again.created, again.document.id) == (False, document_id)
    assert s3_store.get(again.document.source_key) == PNG
    assert len(rows.jobs()) == 2


@pytest.mark.parametrize(
    ("filename", "body", "error"),
    [
        ("a.png", b"", EmptyFile),
        ("a.png", PNG + bytes(100), FileTooLarge),
        ("a.png", b"just text", UnsupportedMediaType),
        ("..", PNG, InvalidFilename),
    ],
)
def test_what_is_not_taken_leaves_nothing(
    submission: Submission, rows: Rows, filename: str, body: bytes, error: type[Exception]
) -> None:
    account = rows.account()
    with pytest.raises(error):
        submission.submit(account, filename, body, OPTIONS)
    assert rows.count(Document) == 0


# --- announced first


def test_announcing_makes_a_document_that_waits(submission: Submission, rows: Rows) -> None:
    document_id = uuid4()
    account = rows.account()
    for _ in range(2):
        made = submission.announce(account, "a.pdf", "application/pdf", 1000, OPTIONS, document_id=document_id)
        assert made.document.id == document_id
        assert made.form.fields["key"] == f"uploads/{document_id}/source"
    assert (rows.count(Document), rows.jobs()) == (1, [])
    assert rows.get_document(document_id).status == DocumentStatus.AWAITING_UPLOAD


@pytest.mark.parametrize(
    ("media_type", "size", "error"),
    [("image/png", 0, EmptyFile), ("image/png", 1001, FileTooLarge), ("text/plain", 9, UnsupportedMediaType)],
)
def test_what_would_not_be_taken_is_not_announced(
    submission: Submission, rows: Rows, media_type: str, size: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        submission.announce(rows.account(), "a.png", media_type, size, OPTIONS)
    assert rows.count(Document) == 0


def test_an_upload_that_landed_is_queued_once(
    submission: Submission, rows: Rows, s3_store: S3Store, outgoing: Outgoing
) -> None:
    document = announced(submission, rows.account())
    s3_store.put(document.source_key, PNG)
    at_once([lambda: submission.accept_upload(document.source_key, len(PNG))] * 4)
    row = rows.get_document(document.id)
    assert (row.status, row.size_bytes, len(row.sha256 or "")) == ("queued", len(PNG), 64)
    assert outgoing.names == ["ocr.document"]


def test_what_the_form_takes_after_an_upload_was_accepted_changes_nothing(
    submission: Submission, rows: Rows, s3_store: S3Store
) -> None:
    document = announced(submission, rows.account())
    s3_store.put(document.source_key, PNG)
    submission.accept_upload(document.source_key, len(PNG))
    s3_store.put(document.source_key, b"something else entirely")
    submission.accept_upload(document.source_key, 23)
    row = rows.get_document(document.id)
    assert row.size_bytes == len(PNG)
    assert s3_store.get(row.source_key) == PNG


def test_an_upload_that_is_no_image_fails_its_document(submission: Submission, rows: Rows, s3_store: S3Store) -> None:
    document = announced(submission, rows.account())
    s3_store.put(document.source_key, b"just text")
    submission.accept_upload(document.source_key, 9)
    row = rows.get_document(document.id)
    assert (row.status, row.error_code) == ("failed", "unsupported_media_type")
    assert rows.jobs() == []


def test_keys_nobody_waits_for_are_ignored(submission: Submission, rows: Rows, s3_store: S3Store) -> None:
    document = announced(submission, rows.account())
    for key in (f"uploads/{uuid4()}/source", "uploads/x", "", f"{document.id}", f"uploads/{document.id}/other"):
        s3_store.put(key or "empty", b"just text")
        submission.accept_upload(key, 9)
    assert rows.get_document(document.id).status == DocumentStatus.AWAITING_UPLOAD


def test_an_upload_whose_object_is_not_there_is_an_error(submission: Submission, rows: Rows) -> None:
    document = announced(submission, rows.account())
    with pytest.raises(ObjectMissing):
        submission.accept_upload(document.source_key, 9)


def test_uploads_of_the_same_bytes_at_the_same_moment_are_all_read(
    submission: Submission, rows: Rows, s3_store: S3Store
) -> None:
    account = rows.account()
    landed = [announced(submission, account) for _ in range(4)]
    for document in landed:
        s3_store.put(document.source_key, PNG)
    at_once([partial(submission.accept_upload, document.source_key, len(PNG)) for document in landed])
    assert {rows.get_document(document.id).status for document in landed} == {DocumentStatus.QUEUED}
    assert len(rows.jobs()) == 4
    assert not submission.submit(account, "a.png", PNG, OPTIONS).created


def test_an_upload_that_is_to_be_read_anew_takes_the_place_of_what_was_read_before(
    submission: Submission, rows: Rows, s3_store: S3Store
) -> None:
    account = rows.account()
    earlier = submission.submit(account, "a.png", PNG, OPTIONS).document
    for force in (False, True):
        document = submission.announce(account, "b.png", "image/png", len(PNG), OPTIONS, force=force).document
        s3_store.put(document.source_key, PNG)
        submission.accept_upload(document.source_key, len(PNG))
        holders = [row.id for row in map(rows.get_document, (earlier.id, document.id)) if row.content_key]
        assert holders == [document.id if force else earlier.id]


# --- who is told how it ended

CALLBACK = "https://example.com/done"


def told(rows: Rows) -> list[tuple[str, str]]:
    """Where and of what a delivery is on its way."""
    with rows.database.read() as session:
        found = session.scalars(select(Delivery).order_by(Delivery.created_at)).all()
    assert all(json.loads(one.body)["type"] == one.event_type for one in found)
    return [(one.url, one.event_type) for one in found]


def test_a_callback_is_kept_and_does_not_make_another_document(submission: Submission, rows: Rows) -> None:
    account = rows.account()
    asking = DocumentOptions(callback_url=CALLBACK + "#part")
    first = submission.submit(account, "a.png", PNG, asking)
    assert rows.get_document(first.document.id).callback_url == CALLBACK
    assert submission.submit(account, "a.png", PNG, OPTIONS).document.id == first.document.id
    assert rows.get_document(first.document.id).callback_url == CALLBACK
    assert rows.get_document(announced(submission, account, asking).id).callback_url == CALLBACK
    assert told(rows) == []


def test_a_hostile_callback_is_refused_and_nothing_kept(submission: Submission, rows: Rows) -> None:
    account = rows.account()
    for hostile in ("http://127.0.0.1/", "http://169.254.169.254/latest", "ftp://example.com/"):
        with pytest.raises(UrlNotAllowed):
            submission.submit(account, "a.png", PNG, DocumentOptions(callback_url=hostile))
        with pytest.raises(UrlNotAllowed):
            announced(submission, account, DocumentOptions(callback_url=hostile))
    assert rows.count(Document) == 0


def test_who_asks_for_a_document_that_is_being_read_is_told_instead_of_who_asked_before(
    submission: Submission, rows: Rows
) -> None:
    account = rows.account()
    first = submission.submit(account, "a.png", PNG, DocumentOptions(callback_url="https://example.com/first"))
    again = submission.submit(account, "a.png", PNG, DocumentOptions(callback_url=CALLBACK))
    assert (again.created, again.document.id) == (False, first.document.id)
    assert rows.get_document(first.document.id).callback_url == CALLBACK
    assert told(rows) == []


def test_who_asks_for_a_document_that_is_final_is_told_at_once_and_nobody_else_is(
    submission: Submission, rows: Rows, outgoing: Outgoing
) -> None:
    account = rows.account()
    document = submission.submit(account, "a.png", PNG, OPTIONS).document
    rows.change(Document, document.id, status=DocumentStatus.PARTIAL, completed_at=utcnow(), page_count=2)
    for times in (1, 2):
        submission.submit(account, "a.png", PNG, DocumentOptions(callback_url=CALLBACK))
        assert told(rows) == [(CALLBACK, "document.partial")] * times
    assert [message.name for message in outgoing.light] == ["webhook.deliver"] * 2
    assert outgoing.events == []
    # The same request sent again, whose first answer got lost, is no second question.
    submission.submit(account, "a.png", PNG, DocumentOptions(callback_url=CALLBACK), document_id=document.id)
    assert len(told(rows)) == 2
