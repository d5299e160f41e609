"""What fails tells what failed, and not what it was about: a token of a mail is in no log and in no dead letter."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from functions._jobs import Envelope
from functions.notify.handler import BusEvent
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.models import MessageRow
from shared.services import feedback
from shared.services.mail.variables import Token
from shared.values import MessageKind
from tests.support.rows import Rows

TOKEN = "s3cret-token"  # noqa: S105  # nobody's


def told(error: BaseException) -> str:
    """An error as logs and dead letters keep it."""
    return "".join(traceback.format_exception(error))


def row(**columns: object) -> dict[str, object]:
    content = {"token": TOKEN}
    return {"id": uuid4(), "kind": MessageKind.EMAIL, "recipient": "ada@example.com", "content": content} | columns


def test_a_row_that_is_refused_is_not_told(database: Database) -> None:
    # Without an account, of which PostgreSQL would show the whole row.
    with pytest.raises(DBAPIError) as failed, database.write() as work:
        work.session.execute(insert(MessageRow), row(account_id=None))
    said = told(failed.value)
    assert TOKEN not in said
    # What is wrong still is.
    assert "account_id" in said


def test_a_key_that_is_taken_is_not_told(database: Database, rows: Rows) -> None:
    account = rows.account()
    twice = [row(account_id=account, key=f"key:{TOKEN}") for _ in range(2)]
    with pytest.raises(DBAPIError) as failed, database.write() as work:
        work.session.execute(insert(MessageRow), twice)
    said = told(failed.value)
    assert TOKEN not in said
    assert "key" in said


def test_an_engine_that_keeps_no_connections_hides_them_too(database_url: str) -> None:
    assert make_engine(database_url, pool_size=0).hide_parameters


@pytest.mark.parametrize(
    "read",
    [
        lambda: Token.model_validate({"token": TOKEN, "lnk": TOKEN, "link": f"javascript:{TOKEN}"}),
        lambda: Envelope.model_validate_json(f'{{"job_id": "{TOKEN}", "name": ["{TOKEN}"]}}'),
        lambda: Envelope.model_validate_json(f'{{"job_id": "{TOKEN}'),
        lambda: BusEvent.model_validate_json(f'{{"detail": "{TOKEN}"}}'),
        lambda: feedback.Envelope.model_validate({"Type": TOKEN, "Message": [TOKEN]}),
        lambda: feedback.Feedback.model_validate({"eventType": [TOKEN], "mail": TOKEN}),
    ],
    ids=["variables", "job", "job cut off", "event", "notification", "feedback"],
)
def test_input_that_is_refused_is_not_told(read: Callable[[], object]) -> None:
    with pytest.raises(ValidationError) as failed:
        read()
    assert TOKEN not in told(failed.value)
