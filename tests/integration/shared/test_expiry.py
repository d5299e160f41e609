"""Documents go when their account keeps them no longer, on both databases."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from shared.adapters.s3 import S3Store
from shared.contracts import ExpireDocuments
from shared.db.unit_of_work import Database
from shared.errors import ObjectMissing, StorageUnavailable
from shared.models import Account, Document, DocumentStatus, utcnow
from shared.services import expiry
from shared.services.documents import Documents
from shared.services.expiry import Expiry
from tests.support.rows import Rows

NOW = utcnow()
DAYS = 30


@pytest.fixture
def account(rows: Rows) -> UUID:
    """An account that keeps its documents for 30 days."""
    account_id = rows.account()
    rows.change(Account, account_id, retention_days=DAYS)
    return account_id


def document(rows: Rows, account_id: UUID, days: float, status: DocumentStatus = DocumentStatus.COMPLETED) -> UUID:
    return rows.document(account_id, status, completed_at=NOW - timedelta(days=days)).id


def left(database: Database) -> set[UUID]:
    with database.read() as session:
        return {row.id for row in session.query(Document)}


def never() -> None:
    """Nobody says stop."""


def test_what_is_older_goes_with_its_files_and_the_rest_stays(
    database: Database, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    over = {document(rows, account, DAYS + 1, status) for status in (DocumentStatus.COMPLETED, DocumentStatus.FAILED)}
    kept = {document(rows, account, DAYS - 1), document(rows, rows.account(), 10 * DAYS)}
    reading = rows.document(account, DocumentStatus.PROCESSING, created_at=NOW - timedelta(days=99)).id
    keys = [f"documents/{document_id}/source" for document_id in over]
    for key in keys:
        s3_store.put(key, b"a page")
    assert Expiry(database).expire(NOW, Documents(database, s3_store).delete, never) == len(over)
    assert left(database) == {*kept, reading}
    for key in keys:
        with pytest.raises(ObjectMissing):
            s3_store.get(key)


def test_more_than_one_batch_goes(
    database: Database, s3_store: S3Store, rows: Rows, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 2)
    for _ in range(5):
        document(rows, account, DAYS + 1)
    assert Expiry(database).expire(NOW, Documents(database, s3_store).delete, never) == 5


def test_a_run_that_is_stopped_is_gone_on_with(
    database: Database, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    for _ in range(2):
        document(rows, account, DAYS + 1)
    delete = Documents(database, s3_store).delete

    def fails(account_id: UUID, document_id: UUID) -> None:
        if len(left(database)) == 1:
            message = "The store does not answer."
            raise StorageUnavailable(message)
        delete(account_id, document_id)

    with pytest.raises(StorageUnavailable):
        Expiry(database).expire(NOW, fails, never)
    assert Expiry(database).expire(NOW, delete, never) == 1


def test_a_job_is_sent_once_a_day_and_only_where_something_is_over(
    database: Database, rows: Rows, account: UUID
) -> None:
    document(rows, account, DAYS - 1)
    assert Expiry(database).ask(NOW) == 0
    document(rows, account, DAYS + 1)
    assert [Expiry(database).ask(NOW) for _ in range(2)] == [1, 1]
    assert len(rows.jobs(ExpireDocuments.name)) == 1
    Expiry(database).ask(NOW + timedelta(days=1))
    assert len(rows.jobs(ExpireDocuments.name)) == 2
