"""Subscriptions, as far as the database has a say; the rest is seen over HTTP."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from shared.adapters.outbound_guard import Guard
from shared.db.unit_of_work import Database
from shared.errors import NotFound, TooManyWebhooks
from shared.models import Account, Webhook, utcnow
from shared.services.webhooks import MOST, Webhooks, live_secrets
from tests.support.rows import Rows
from tests.support.waiting import at_once

URL = "https://example.com/hook"
EVENTS = ["document.completed"]
KEY = b"the key of this stack"


@pytest.fixture
def webhooks(database: Database) -> Webhooks:
    return Webhooks(database, Guard(), lambda: KEY)


@pytest.fixture
def connections(webhooks: Webhooks, rows: Rows) -> None:
    """Opens what four at once need: a race is close only where nobody has to connect first."""
    account = rows.account()
    at_once([lambda: webhooks.callbacks(account)] * 4)


@pytest.mark.usefixtures("connections")
def test_two_at_once_do_not_both_become_the_last(webhooks: Webhooks, rows: Rows, database: Database) -> None:
    def create(account: UUID) -> bool:
        try:
            webhooks.create(account, URL, EVENTS)
        except TooManyWebhooks:
            return False
        return True

    for _ in range(8):
        account = rows.account()
        with database.write() as work:
            work.session.add_all(Webhook(account_id=account, url=URL, events=[], key_id="k") for _ in range(MOST - 1))
        # It takes nobody's room.
        assert webhooks.callbacks(account).url is None
        assert sorted(at_once([partial(create, account)] * 4)) == [False] * 3 + [True]


def test_callbacks_are_made_once_however_many_ask(webhooks: Webhooks, rows: Rows) -> None:
    account = rows.account()
    assert len({row.id for row in at_once([lambda: webhooks.callbacks(account)] * 5)}) == 1


@pytest.mark.usefixtures("connections")
def test_rotations_at_once_leave_two_secrets_that_sign(webhooks: Webhooks, rows: Rows) -> None:
    account = rows.account()
    made = webhooks.create(account, URL, EVENTS).webhook
    for _ in range(8):
        shown = at_once([lambda: webhooks.rotate(account, made.id)] * 4)
        live = live_secrets(KEY, webhooks.get(account, made.id), utcnow())
        assert len(live) == 2
        assert set(live.values()) < {one.secret for one in shown}


def test_two_deployments_and_two_webhooks_never_share_a_secret(database: Database, rows: Rows) -> None:
    account = rows.account()
    here, there = Webhooks(database, Guard(), lambda: KEY), Webhooks(database, Guard(), lambda: b"another key")
    made = [one.create(account, URL, EVENTS) for one in (here, here, there)]
    assert len({one.secret for one in made}) == 3
    assert live_secrets(KEY, made[0].webhook, utcnow()) == {made[0].webhook.key_id: made[0].secret}


def test_an_account_that_is_deleted_takes_its_webhooks_along(
    webhooks: Webhooks, rows: Rows, database: Database
) -> None:
    account = rows.account()
    made = webhooks.create(account, URL, EVENTS).webhook
    with pytest.raises(NotFound):
        webhooks.get(rows.account(), made.id)
    with database.write() as work:
        work.session.delete(work.session.get_one(Account, account))
    assert rows.count(Webhook) == 0
