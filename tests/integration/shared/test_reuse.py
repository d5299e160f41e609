"""Pages that were read before are taken over, on both databases."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from shared.adapters.s3 import S3Store
from shared.db.unit_of_work import Database
from shared.models import Document, DocumentStatus, Page, PageStatus
from shared.services.documents import Documents
from shared.services.ledger import DocumentGone, Ledger
from shared.services.options import DocumentOptions
from shared.services.reuse import Reuse
from tests.support.rows import Rows, read_page

KEY = DocumentOptions().content_key("0" * 64)
WORDS = [[{"text": f"page {number}", "confidence": 0.9, "box": [1, 2, 3, 4]}] for number in (1, 2)]


@pytest.fixture
def reuse(database: Database, s3_store: S3Store) -> Reuse:
    return Reuse(database, s3_store)


@pytest.fixture
def earlier(rows: Rows, database: Database, s3_store: S3Store) -> Document:
    """A document of two pages that was read, its words in one object."""
    document = rows.document(status=DocumentStatus.PROCESSING, content_key=KEY)
    ledger = Ledger(database)
    ledger.open(document.id, 2, [1, 2])
    bodies = [json.dumps(words).encode() for words in WORDS]
    key = f"documents/{document.id}/words/1-2.json"
    s3_store.put(key, b"".join(bodies))
    first = read_page(1, words_key=key, words_length=len(bodies[0]))
    second = read_page(2, words_key=key, words_offset=len(bodies[0]), words_length=len(bodies[1]))
    ledger.save(document.id, [first, second])
    ledger.close(document.id, ledger.summary(document.id))
    return rows.get_document(document.id)


def later(rows: Rows, account_id: UUID, **columns: Any) -> Document:
    """A document of the same bytes that is about to be read."""
    return rows.document(account_id, DocumentStatus.PROCESSING, **columns)


def pages(database: Database, document_id: UUID) -> list[Page]:
    with database.read() as session:
        return list(session.scalars(select(Page).where(Page.document_id == document_id).order_by(Page.number)))


def test_pages_are_taken_over_and_cost_nothing(
    reuse: Reuse, database: Database, s3_store: S3Store, rows: Rows, earlier: Document
) -> None:
    document = later(rows, earlier.account_id)
    assert reuse.adopt(document)
    row = rows.get_document(document.id)
    assert (row.page_count, row.pages_total, row.pages_done) == (2, 2, 2)
    taken = pages(database, document.id)
    assert [(page.number, page.text, page.status) for page in taken] == [
        (1, "page 1", PageStatus.DONE),
        (2, "page 2", PageStatus.DONE),
    ]
    assert {(page.cpu_ms, page.micros, page.reused_from) for page in taken} == {(0, 0, earlier.id)}
    documents = Documents(database, s3_store)
    documents.delete(earlier.account_id, earlier.id)
    assert [json.loads(documents.words(page)) for page in taken] == WORDS


def test_taking_over_twice_changes_nothing(reuse: Reuse, database: Database, rows: Rows, earlier: Document) -> None:
    document = later(rows, earlier.account_id)
    assert reuse.adopt(document)
    assert reuse.adopt(document)
    assert len(pages(database, document.id)) == 2
    assert rows.get_document(document.id).pages_done == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"sha256": "1" * 64},
        {"options": DocumentOptions(languages="deu").reading()},
        {"password": "sesame"},
        {"content_key": "of its own"},
        {"pages_total": 2},
        {"forced": True},
    ],
)
def test_what_differs_or_has_begun_is_read(
    reuse: Reuse, database: Database, rows: Rows, earlier: Document, columns: dict[str, Any]
) -> None:
    document = later(rows, earlier.account_id, **columns)
    assert not reuse.adopt(document)
    assert pages(database, document.id) == []


def test_another_accounts_reading_is_not_taken(reuse: Reuse, rows: Rows, earlier: Document) -> None:
    assert earlier.content_key == KEY
    assert not reuse.adopt(later(rows, rows.account()))


@pytest.mark.parametrize("status", [DocumentStatus.PARTIAL, DocumentStatus.PROCESSING, DocumentStatus.CANCELLED])
def test_what_was_not_read_completely_is_not_taken(
    reuse: Reuse, rows: Rows, earlier: Document, status: DocumentStatus
) -> None:
    rows.change(Document, earlier.id, status=status)
    assert not reuse.adopt(later(rows, earlier.account_id))


def test_words_that_are_gone_are_read_again(reuse: Reuse, s3_store: S3Store, rows: Rows, earlier: Document) -> None:
    s3_store.delete_prefix(f"documents/{earlier.id}/")
    document = later(rows, earlier.account_id)
    assert not reuse.adopt(document)
    assert rows.get_document(document.id).pages_total is None


def test_a_document_cancelled_meanwhile_takes_nothing(
    reuse: Reuse, database: Database, rows: Rows, earlier: Document
) -> None:
    document = later(rows, earlier.account_id)
    rows.change(Document, document.id, status=DocumentStatus.CANCELLED)
    with pytest.raises(DocumentGone):
        reuse.adopt(document)
    assert pages(database, document.id) == []
