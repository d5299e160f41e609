"""Mail to who operates this: when something is wrong, once an hour, and never else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select

from shared.adapters.doze import DozeNote
from shared.config import Mail
from shared.db.unit_of_work import Database
from shared.models import Circuit, DeadLetter, EventRow, JobRow, MessageRow, OutboxRow, Rate
from shared.services.alerts import PAUSE, SETTLING, Alerts
from shared.services.doze import Doze
from shared.services.keys import Keys
from shared.services.mail.render import Rendered, render
from tests.support.redis import RedisServer
from tests.support.rows import Rows

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPERATOR = "operator@example.com"
SETTINGS = Mail(mail_from="twolane@example.com", admin_email=OPERATOR)


@pytest.fixture
def awake(database: Database) -> Doze:
    """A database that never dozes."""
    return Doze(database, DozeNote("redis://127.0.0.1:1/0"), 0)


@pytest.fixture
def admin(database: Database) -> UUID:
    """The account of the oldest admin key; there is an older key of a user."""
    keys = Keys(database)
    keys.create(account="customer", name="a", role="user")
    made = keys.create(account="operator", name="b", role="admin").account.id
    keys.create(account="another", name="c", role="admin")
    return made


@pytest.fixture
def alerts(database: Database, awake: Doze, admin: UUID) -> Alerts:
    """What is tested."""
    del admin
    return Alerts(database, SETTINGS, awake)


def add(database: Database, *rows: Any) -> None:
    """Write rows."""
    with database.write() as work:
        work.session.add_all(rows)


def letter(at: datetime, **columns: Any) -> DeadLetter:
    """A dead letter of that time."""
    given = {
        "id": uuid4(),
        "lane": "light",
        "queue": "sms",
        "name": "sms.send",
        "payload": {},
        "error_code": "provider_refused",
        "error_message": "SNS refused <it>.",
        "attempts": 1,
        "last_failed_at": at,
    }
    return DeadLetter(**(given | columns))


def circuit(until: datetime | None, name: str = "provider:sns") -> Circuit:
    """A circuit that is open until then."""
    return Circuit(name=name, failures=5, openings=1, open_until=until, last_error="no answer")


def mails(database: Database) -> list[Rendered]:
    """Every mail that was queued, oldest first, as it is read."""
    with database.read() as session:
        rows = session.scalars(select(MessageRow).order_by(MessageRow.created_at)).all()
    assert {row.recipient for row in rows} <= {OPERATOR}
    return [render(row.content["template"], row.content["variables"]) for row in rows]


def test_where_all_is_well_nothing_is_said(database: Database, alerts: Alerts) -> None:
    assert alerts.look(NOW) == 0
    assert mails(database) == []


def test_a_dead_letter_is_told_in_full_once(database: Database, alerts: Alerts, admin: UUID) -> None:
    row = letter(NOW - MINUTE)
    add(database, row)
    assert [alerts.look(NOW), alerts.look(NOW + 5 * MINUTE), alerts.look(NOW + 90 * MINUTE)] == [1, 0, 0]
    [mail] = mails(database)
    assert "sms.send" in mail.subject
    assert str(row.id) in mail.text
    assert "SNS refused &lt;it&gt;." in mail.html
    with database.read() as session:
        assert session.scalars(select(MessageRow.account_id)).one() == admin


def test_many_dead_letters_are_one_mail_that_counts_them(database: Database, alerts: Alerts) -> None:
    add(database, *(letter(NOW - MINUTE) for _ in range(30)), letter(NOW - MINUTE, name="email.send", queue="email"))
    assert alerts.look(NOW) == 1
    [mail] = mails(database)
    assert "30 of sms.send (light lane) with provider_refused" in mail.text
    assert "1 of email.send" in mail.text


def test_what_comes_within_the_hour_is_told_after_it(database: Database, alerts: Alerts) -> None:
    add(database, letter(NOW - MINUTE))
    alerts.look(NOW)
    add(database, letter(NOW + MINUTE), letter(NOW + 30 * MINUTE))
    assert [alerts.look(NOW + minutes * MINUTE) for minutes in (5, 30, 59)] == [0, 0, 0]
    assert alerts.look(NOW + PAUSE) == 1
    assert "2 of sms.send" in mails(database)[1].text


def test_what_was_settled_meanwhile_is_not_told(database: Database, alerts: Alerts) -> None:
    add(database, letter(NOW - MINUTE, resolved_at=NOW, resolution="requeued"))
    assert alerts.look(NOW) == 0


def test_a_dead_letter_that_fails_again_is_told_again(database: Database, alerts: Alerts, rows: Rows) -> None:
    row = letter(NOW - MINUTE)
    add(database, row)
    alerts.look(NOW)
    rows.change(DeadLetter, row.id, last_failed_at=NOW + 10 * MINUTE)
    assert alerts.look(NOW + 2 * PAUSE) == 1


def test_what_may_still_be_uncommitted_is_left_to_the_next_look(database: Database, alerts: Alerts) -> None:
    add(database, letter(NOW - SETTLING / 2))
    assert alerts.look(NOW) == 0
    assert alerts.look(NOW + MINUTE) == 1


def test_an_outbox_that_nobody_empties_is_told_every_hour(database: Database, alerts: Alerts, rows: Rows) -> None:
    job_id, account_id = rows.job(), rows.account()
    add(database, OutboxRow(job_id=job_id, available_at=NOW - 11 * MINUTE))
    add(database, _event(account_id, NOW - 20 * MINUTE), _event(account_id, NOW - 30 * MINUTE))
    assert [alerts.look(NOW + minutes * MINUTE) for minutes in (0, 5, 59, 60)] == [1, 0, 0, 1]
    text = mails(database)[0].text
    assert "1 wait in the outbox, the oldest since 2026-11-24 07:49 UTC" in text
    assert "2 wait in the outbox, the oldest since 2026-11-24 07:30 UTC" in text


def test_an_outbox_that_moves_is_no_trouble(database: Database, alerts: Alerts, rows: Rows) -> None:
    job_id, account_id = rows.job(), rows.account()
    add(database, OutboxRow(job_id=job_id, available_at=NOW - 9 * MINUTE))
    # One that waits for its time.
    add(database, OutboxRow(job_id=job_id, available_at=NOW + PAUSE, created_at=NOW - PAUSE))
    add(database, _event(account_id, NOW - 9 * MINUTE))
    add(database, _event(account_id, NOW - PAUSE, published_at=NOW - PAUSE))
    assert alerts.look(NOW) == 0


def _event(account_id: UUID, at: datetime, **columns: Any) -> EventRow:
    given = {"account_id": account_id, "type": "batch.completed", "version": 1, "subject": uuid4(), "data": {}}
    return EventRow(**given, occurred_at=at, **columns)


def test_providers_that_are_left_alone_are_told_and_receivers_are_their_owners_trouble(
    database: Database, alerts: Alerts
) -> None:
    add(database, circuit(NOW + MINUTE, "host:shop.example:443"))
    assert alerts.look(NOW) == 0
    add(database, circuit(NOW + MINUTE))
    assert alerts.look(NOW) == 1
    [mail] = mails(database)
    assert "provider:sns" in mail.text
    assert "no answer" in mail.text
    assert "shop.example" not in mail.text


def test_circuits_that_are_closed_or_that_nobody_needs_are_no_trouble(database: Database, alerts: Alerts) -> None:
    add(database, circuit(None), circuit(NOW - PAUSE, "provider:ses"))
    assert alerts.look(NOW) == 0


def test_kinds_of_trouble_do_not_wait_for_each_other(database: Database, alerts: Alerts) -> None:
    add(database, letter(NOW - MINUTE))
    assert alerts.look(NOW) == 1
    add(database, circuit(NOW + 2 * PAUSE))
    assert alerts.look(NOW + 5 * MINUTE) == 1
    assert len(mails(database)) == 2


def test_five_looks_at_once_are_one_mail_of_each_kind(database: Database, alerts: Alerts) -> None:
    # The rows that say when are there, as after the first day.
    alerts.look(NOW - PAUSE)
    add(database, letter(NOW - MINUTE), circuit(NOW + PAUSE))
    with ThreadPoolExecutor(5) as threads:
        assert sum(threads.map(alerts.look, [NOW] * 5)) == 2
    assert len(mails(database)) == 2


@pytest.mark.parametrize(
    "settings", [Mail(mail_from="twolane@example.com"), Mail(admin_email=OPERATOR), Mail()], ids=repr
)
def test_without_a_sender_or_a_reader_nothing_is_said(
    database: Database, awake: Doze, admin: UUID, settings: Mail
) -> None:
    del admin
    add(database, letter(NOW - MINUTE))
    assert Alerts(database, settings, awake).look(NOW) == 0
    assert mails(database) == []


def test_without_an_admin_the_messages_would_be_nobodys(database: Database, awake: Doze) -> None:
    add(database, letter(NOW - MINUTE))
    assert Alerts(database, SETTINGS, awake).look(NOW) == 0


def test_an_idle_database_is_left_alone(database: Database, admin: UUID, redis_server: RedisServer) -> None:
    del admin
    doze = Doze(database, DozeNote(redis_server.url), 600)
    alerts = Alerts(database, SETTINGS, doze)
    doze.leave_note()
    touched: list[object] = []
    event.listen(database.engine, "checkout", lambda *given: touched.append(given))
    assert alerts.look(NOW) == 0
    assert touched == []
    with redis_server.client() as redis:
        redis.flushall()
    alerts.look(NOW)
    assert touched


def test_nothing_else_is_written(alerts: Alerts, rows: Rows) -> None:
    for _ in range(3):
        alerts.look(NOW)
    assert [rows.count(table) for table in (MessageRow, JobRow, OutboxRow)] == [0, 0, 0]
    assert rows.count(Rate) == 3
