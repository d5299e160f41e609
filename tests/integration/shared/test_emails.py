"""Mail, as it is accepted: stored with its job and its attachments, once, or not at all."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from shared.adapters.s3 import S3Store
from shared.config import Mail
from shared.contracts import SendBulkEmail, SendEmail
from shared.db.unit_of_work import Database
from shared.errors import DatabaseUnavailable, ObjectMissing
from shared.models import JobRow, MessageRow, OutboxRow
from shared.services.drafts import BulkDraft, Draft, Enclosure
from shared.services.emails import Emails
from shared.services.enclosures import Enclosures
from shared.services.queueing_mail import queue_template
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

ADA = "ada@example.com"
ATTACHED = Draft(ADA, "Hello", "Hello", None, [Enclosure("a.txt", None, b"small")])


@pytest.fixture
def emails(database: Database, s3_store: S3Store) -> Emails:
    """Accepts mail."""
    return Emails(database, Enclosures(database, s3_store), Mail(mail_from="no-reply@twolane.example"))


@pytest.fixture
def account(rows: Rows) -> UUID:
    """Whose mail it is."""
    return rows.account()


def test_a_mail_leaves_with_its_commit(emails: Emails, account: UUID, outgoing: Outgoing, rows: Rows) -> None:
    message_id = emails.send(account, Draft(ADA, "Hello", "Hello"))
    [message] = outgoing.light
    assert (message.name, message.queue, message.payload) == (SendEmail.name, "email", {"message_id": str(message_id)})
    assert rows.get_job(message.job_id).key == f"{SendEmail.name}:{message_id}"
    assert rows.count(OutboxRow) == 0


def test_a_bulk_leaves_as_one_message_a_recipient(
    emails: Emails, account: UUID, outgoing: Outgoing, rows: Rows
) -> None:
    recipients = [f"user{number}@example.com" for number in range(1000)]
    queued = emails.send_bulk(account, BulkDraft(recipients, "News", "Hello"))
    assert queued.recipients == 1000
    assert {message.queue for message in outgoing.light} == {"bulk_email"}
    sent = {message.payload["message_id"] for message in outgoing.light}
    with rows.database.read() as session:
        parts = session.scalars(select(MessageRow).where(MessageRow.parent_id == queued.message_id)).all()
        keys = set(session.scalars(select(JobRow.key)))
    assert {part.recipient for part in parts} == set(recipients)
    assert {str(part.id) for part in parts} == sent
    assert keys == {f"{SendBulkEmail.name}:{part.id}" for part in parts}
    # What all say is stored once.
    assert {str(part.content) for part in parts} == {"{}"}


def test_a_bulk_that_the_queue_does_not_take_waits(
    emails: Emails, account: UUID, outgoing: Outgoing, rows: Rows
) -> None:
    outgoing.down = True
    emails.send_bulk(account, BulkDraft([ADA, "bob@example.com"], "News", "Hello"))
    assert rows.count(OutboxRow) == 2


def test_the_same_mail_asked_for_at_once_is_stored_once(emails: Emails, account: UUID, rows: Rows) -> None:
    new_id = uuid4()
    made = at_once([lambda: emails.send(account, ATTACHED, new_id)] * 4)
    assert set(made) == {new_id}
    assert (rows.count(MessageRow), rows.count(JobRow)) == (1, 1)


def test_the_same_bulk_asked_for_at_once_is_stored_once(emails: Emails, account: UUID, rows: Rows) -> None:
    new_id, draft = uuid4(), BulkDraft([ADA, "nobody"], "News", "Hello")
    made = at_once([lambda: emails.send_bulk(account, draft, new_id)] * 4)
    assert {(one.message_id, one.recipients, len(one.refused)) for one in made} == {(new_id, 1, 1)}
    assert (rows.count(MessageRow), rows.count(JobRow)) == (2, 1)


def refuse(database: Database, part: str) -> None:
    """Let the database fail every statement that has this in it, from now on."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if part in statement:
            raise OperationalError(statement, None, Exception("the server closed the connection"))

    event.listen(database.engine, "before_cursor_execute", fail)


def test_a_database_that_fails_leaves_neither_mail_nor_attachments(
    emails: Emails, account: UUID, s3_store: S3Store, rows: Rows
) -> None:
    refuse(rows.database, "INTO outbox")
    new_id = uuid4()
    with pytest.raises(DatabaseUnavailable):
        emails.send(account, ATTACHED, new_id)
    assert (rows.count(MessageRow), rows.count(JobRow)) == (0, 0)
    with pytest.raises(ObjectMissing):
        s3_store.get(f"messages/{new_id}/0")


def test_a_bulk_that_fails_in_the_middle_is_sent_to_nobody(emails: Emails, account: UUID, rows: Rows) -> None:
    refuse(rows.database, "INTO outbox")
    with pytest.raises(DatabaseUnavailable):
        emails.send_bulk(account, BulkDraft([ADA, "bob@example.com"], "News", "Hello"))
    assert (rows.count(MessageRow), rows.count(JobRow)) == (0, 0)


# --- mail that follows from something else


def test_a_key_that_has_its_mail_makes_no_other(database: Database, account: UUID, rows: Rows) -> None:
    made = []
    for bulk in (False, True, False):
        with database.write() as work:
            made.append(queue_template(work, account, ADA, "verification", {"token": "t"}, key="k", bulk=bulk))
    assert len(set(made)) == 1
    assert (rows.count(MessageRow), rows.count(JobRow)) == (1, 1)


def test_what_it_follows_from_and_the_mail_are_committed_together(
    database: Database, account: UUID, outgoing: Outgoing, rows: Rows
) -> None:
    def come_to_nothing() -> None:
        with database.write() as work:
            queue_template(work, account, ADA, "verification", {"token": "t"}, key="k")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        come_to_nothing()
    assert (rows.count(MessageRow), rows.count(JobRow), outgoing.light) == (0, 0, [])


def test_bulk_mail_from_a_template_goes_to_the_queue_that_yields(
    database: Database, account: UUID, outgoing: Outgoing
) -> None:
    with database.write() as work:
        queue_template(work, account, ADA, "verification", {"token": "t"}, bulk=True)
    assert [message.queue for message in outgoing.light] == ["bulk_email"]
