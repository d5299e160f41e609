"""What the functions of the light lane run on: real databases, moto's AWS, faults in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from shared.bootstrap import Services
from tests.support.light_lane import wired
from tests.support.rows import Rows
from tests.support.ses import MAIL_FROM, FakedSes, faked_ses


@pytest.fixture
def ses(object_store: None) -> Iterator[FakedSes]:
    """Moto's SES, behind faults."""
    del object_store
    with faked_ses() as faked:
        yield faked


@pytest.fixture
def environment(database_url: str, bucket: str) -> dict[str, str]:
    """What a function that sends mail finds in its environment."""
    return {"DATABASE_URL": database_url, "DOCUMENTS_BUCKET": bucket, "MAIL_FROM": MAIL_FROM, "MAIL_RATE": "0"}


@pytest.fixture
def stack(environment: dict[str, str], ses: FakedSes) -> Iterator[Services]:
    """The function's services."""
    del ses
    with wired(environment) as services:
        yield services


@pytest.fixture
def rows(stack: Services) -> Rows:
    """The rows behind it."""
    return Rows(stack.database)


@pytest.fixture
def account(rows: Rows) -> UUID:
    """Who sends."""
    return rows.account()
