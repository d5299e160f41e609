"""What tests of batches stand on."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.adapters.outbound_guard import Guard
from shared.adapters.s3 import S3Store
from shared.config import Limits
from shared.db.unit_of_work import Database
from shared.services.batches import Batches
from shared.services.documents import Documents
from shared.services.engines import Engines
from shared.services.rereading import Rereading
from shared.services.submission import Submission
from tests.support.rows import Rows


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
