"""Mail by the week and by the month: who gets it, what it counts, and how often."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, insert, select

from shared.config import Mail
from shared.contracts import SendBulkEmail
from shared.db.unit_of_work import Database
from shared.models import Account, ApiKey, Document, DocumentStatus, MessageRow
from shared.services import digests
from shared.services.digests import Digests, Week
from shared.services.mail.render import render
from shared.services.suppressions import suppress
from shared.values import SuppressedChannel
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""A Tuesday."""

IN_WEEK = datetime(2026, 11, 18, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)

MakeAccount = Callable[..., UUID]


@pytest.fixture
def service(database: Database) -> Digests:
    """What is tested."""
    return Digests(database, Mail(mail_from="twolane@example.com"))


@pytest.fixture
def account(rows: Rows) -> MakeAccount:
    """Makes accounts, old ones with an address if not told otherwise."""

    def make(email: str | None = "grete@example.com", **columns: Any) -> UUID:
        account_id = rows.account()
        rows.change(Account, account_id, email=email, **{"created_at": LONG_AGO, **columns})
        return account_id

    return make


@pytest.fixture
def key(database: Database) -> Callable[[UUID, datetime], None]:
    """Makes keys that are as old."""

    def make(account_id: UUID, created_at: datetime) -> None:
        row = ApiKey(account_id=account_id, name="k", role="user", digest=uuid4().hex, hint="", created_at=created_at)
        with database.write() as work:
            work.session.add(row)

    return make


def mails(database: Database) -> list[MessageRow]:
    """Every mail that was queued; each can be rendered."""
    with database.read() as session:
        found = list(session.scalars(select(MessageRow).order_by(MessageRow.created_at, MessageRow.id)))
    for row in found:
        assert render(row.content["template"], row.content["variables"]).subject
    return found


# --- the week


@pytest.mark.parametrize(
    ("now", "start", "name"),
    [
        ("2026-11-24T08:00:00+00:00", "2026-11-16", "2026-W47"),
        ("2026-11-23T00:00:00+00:00", "2026-11-16", "2026-W47"),
        ("2026-11-22T23:59:59+00:00", "2026-11-09", "2026-W46"),
        ("2026-11-23T05:00:00+09:00", "2026-11-09", "2026-W46"),
        ("2027-01-05T08:00:00+00:00", "2026-12-28", "2026-W53"),
    ],
)
def test_the_week_is_the_last_that_is_over(now: str, start: str, name: str) -> None:
    week = Week.before(datetime.fromisoformat(now))
    assert (week.start.date().isoformat(), week.name) == (start, name)
    assert week.end - week.start == timedelta(days=7)
    assert week.last_day == date.fromisoformat(start) + timedelta(days=6)


def test_a_digest_counts_the_weeks_documents(
    service: Digests, database: Database, rows: Rows, account: MakeAccount
) -> None:
    account_id = account()
    week = Week.before(NOW)
    last = week.end - timedelta(microseconds=1)
    rows.document(account_id, DocumentStatus.COMPLETED, created_at=week.start, pages_done=3)
    rows.document(account_id, DocumentStatus.COMPLETED, created_at=last, pages_done=4)
    for code in ("corrupt_file", "corrupt_file", "wrong_password"):
        rows.document(account_id, DocumentStatus.FAILED, created_at=IN_WEEK, error_code=code)
    rows.document(account_id, created_at=week.end)
    rows.document(account_id, created_at=week.start - timedelta(microseconds=1))
    assert service.weekly(NOW) == 1
    [mail] = mails(database)
    said = mail.content["variables"]
    assert (mail.account_id, mail.recipient, mail.content["template"]) == (
        account_id,
        "grete@example.com",
        "weekly_digest",
    )
    assert said["documents"] == {"completed": 2, "failed": 3}
    assert said["errors"] == [{"code": "corrupt_file", "count": 2}, {"code": "wrong_password", "count": 1}]
    assert (said["pages"], said["since"], said["until"]) == (7, "2026-11-16", "2026-11-22")


def test_a_digest_goes_out_once_a_week_however_often_its_schedule_fires(
    service: Digests, database: Database, rows: Rows, account: MakeAccount
) -> None:
    account_id = account()
    rows.document(account_id, created_at=IN_WEEK)
    rows.document(account_id, created_at=IN_WEEK + timedelta(days=7))
    assert [service.weekly(NOW), service.weekly(NOW + timedelta(days=5))] == [1, 0]
    assert service.weekly(NOW + timedelta(days=6)) == 1
    assert [mail.key for mail in mails(database)] == [f"digest:{account_id}:2026-W{week}" for week in (47, 48)]


def test_who_had_no_documents_or_has_no_address_gets_no_digest(
    service: Digests, database: Database, rows: Rows, account: MakeAccount
) -> None:
    account()
    rows.document(account(email=None), created_at=IN_WEEK)
    assert service.weekly(NOW) == 0
    assert mails(database) == []


# --- the month


def test_who_was_inactive_is_reminded_once_a_calendar_month(
    service: Digests, database: Database, rows: Rows, outgoing: Outgoing, account: MakeAccount
) -> None:
    account_id = account()
    rows.document(account_id, created_at=NOW - timedelta(days=31))
    assert [service.remind(NOW), service.remind(NOW + timedelta(days=6))] == [1, 0]
    assert service.remind(NOW + timedelta(days=7)) == 1
    first, second = mails(database)
    assert first.content == {
        "template": "inactive_reminder",
        "variables": {"account": first.content["variables"]["account"], "last_active": "2026-10-24", "link": None},
    }
    assert [first.key, second.key] == [f"reminder:{account_id}:2026-{month}" for month in (11, 12)]
    assert [message.name for message in outgoing.light] == [SendBulkEmail.name] * 2


def test_who_never_sent_a_document_is_reminded_too(service: Digests, database: Database, account: MakeAccount) -> None:
    account()
    assert service.remind(NOW) == 1
    assert mails(database)[0].content["variables"]["last_active"] is None


def test_who_was_active_is_new_or_cannot_be_reached_is_not_reminded(
    service: Digests,
    rows: Rows,
    account: MakeAccount,
    key: Callable[[UUID, datetime], None],
) -> None:
    lately = NOW - timedelta(days=29)
    rows.document(account(), created_at=lately)
    key(account(), lately)
    account(created_at=lately)
    account(email=None)
    assert service.remind(NOW) == 0


def test_an_old_key_is_no_activity(
    service: Digests, account: MakeAccount, key: Callable[[UUID, datetime], None]
) -> None:
    key(account(), NOW - timedelta(days=31))
    assert service.remind(NOW) == 1


# --- both


@pytest.mark.parametrize("channel", [SuppressedChannel.BULK_EMAIL, SuppressedChannel.EMAIL])
def test_who_asked_for_silence_has_it(
    service: Digests, database: Database, rows: Rows, account: MakeAccount, channel: SuppressedChannel
) -> None:
    rows.document(account("Busy@Example.com"), created_at=IN_WEEK)
    account("idle@example.com")
    with database.write() as work:
        for address in ("busy@example.com", "idle@example.com"):
            suppress(work.session, channel, address, "unsubscribed")
    assert (service.weekly(NOW), service.remind(NOW)) == (0, 0)
    assert mails(database) == []


def test_where_no_mail_is_sent_none_is_queued(database: Database, rows: Rows, account: MakeAccount) -> None:
    rows.document(account(), created_at=IN_WEEK)
    account()
    service = Digests(database, Mail(mail_from=None))
    assert (service.weekly(NOW), service.remind(NOW)) == (0, 0)


def test_nobody_is_left_out_at_the_edges_of_batches(
    service: Digests, database: Database, rows: Rows, account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "BATCH", 3)
    wanted = {account(f"{number}@example.com") for number in range(9)}
    for account_id in wanted:
        rows.document(account_id, created_at=IN_WEEK)
    assert (service.weekly(NOW), service.remind(NOW + timedelta(days=60))) == (9, 9)
    for template in ("weekly_digest", "inactive_reminder"):
        assert {mail.account_id for mail in mails(database) if mail.content["template"] == template} == wanted


def test_a_run_that_died_in_the_middle_goes_on_where_it_stopped(
    service: Digests, database: Database, account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "BATCH", 2)
    for number in range(5):
        account(f"{number}@example.com")
    service.remind(NOW)
    with database.write() as work:
        for row in work.session.scalars(select(MessageRow).limit(3)):
            work.session.delete(row)
    assert service.remind(NOW) == 3
    assert len({mail.account_id for mail in mails(database)}) == 5


def test_memory_stays_flat_with_many_accounts(
    service: Digests, database: Database, rows: Rows, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "BATCH", 25)
    # What the test keeps would grow, and what only waits to be collected too.
    outgoing.down = True
    event.listen(database.engine, "commit", lambda _: gc.collect())

    _many(database, 50)
    # The first run fills caches.
    _peak(service)
    _many(database, 50)
    few = _peak(service)
    _many(database, 250)
    many = _peak(service)
    assert rows.count(MessageRow) == 350
    # Five times as many mails.
    assert many < 1.5 * few


def _peak(service: Digests) -> int:
    """Bytes that a run needs at most."""
    # What was there before need not be looked at with every collection.
    gc.freeze()
    tracemalloc.start()
    service.weekly(NOW)
    reached = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.unfreeze()
    return reached


def _many(database: Database, count: int) -> None:
    """Accounts with one document each."""
    ids = [uuid4() for _ in range(count)]
    accounts = [{"id": i, "name": i.hex, "email": f"{i.hex}@example.com", "created_at": LONG_AGO} for i in ids]
    documents = [
        {
            "account_id": i,
            "status": DocumentStatus.COMPLETED,
            "filename": "a.png",
            "size_bytes": 1,
            "source_key": "s",
            "options": {},
            "user_metadata": {},
            "created_at": IN_WEEK,
        }
        for i in ids
    ]
    with database.write() as work:
        work.session.execute(insert(Account), accounts)
        work.session.execute(insert(Document), documents)
