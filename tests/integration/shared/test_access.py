"""Keys, first answers, and the register of engines."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from shared.db.unit_of_work import Database
from shared.errors import (
    EngineUnavailable,
    IdempotencyKeyReused,
    NotFound,
    RequestInProgress,
    Unauthorized,
    UnknownEngine,
    UnknownLanguage,
)
from shared.models import Account, ApiKey, EngineRow, IdempotencyRow, utcnow
from shared.services.engines import EngineReport, Engines
from shared.services.idempotency import KEPT, Idempotency
from shared.services.keys import Keys
from shared.values import Answer
from tests.support.rows import Rows
from tests.support.waiting import at_once


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


@pytest.fixture
def idempotency(database: Database) -> Idempotency:
    return Idempotency(database)


@pytest.fixture
def engines(database: Database) -> Engines:
    return Engines(database)


# --- keys


def test_a_key_speaks_for_its_account_and_is_kept_hashed(keys: Keys, rows: Rows) -> None:
    made = keys.create(account="acme", name="ci", role="admin")
    caller = keys.authenticate(made.secret)
    assert (caller.account_id, caller.key_id, caller.role) == (made.account.id, made.row.id, "admin")
    [(row, account)] = keys.list(9)[0]
    assert account.name == "acme"
    assert made.secret not in {row.digest, row.hint, row.name}
    assert made.secret.endswith(row.hint)
    assert rows.count(ApiKey) == 1


@pytest.mark.parametrize("secret", ["", "tl_", "x" * 10_000, "\udc80", "é\x00"])
def test_any_other_key_speaks_for_nobody(keys: Keys, secret: str) -> None:
    keys.create(account="acme", name="ci", role="user")
    with pytest.raises(Unauthorized):
        keys.authenticate(secret)


def test_keys_of_one_account_share_it_even_if_made_at_the_same_moment(keys: Keys, rows: Rows) -> None:
    made = at_once([lambda: keys.create(account="acme", name="ci", role="user")] * 6)
    assert len({key.account.id for key in made}) == 1
    assert (rows.count(Account), rows.count(ApiKey)) == (1, 6)


def test_a_deleted_key_stops_working(keys: Keys) -> None:
    made = keys.create(account="acme", name="ci", role="user")
    keys.delete(made.row.id)
    with pytest.raises(Unauthorized):
        keys.authenticate(made.secret)
    with pytest.raises(NotFound):
        keys.delete(made.row.id)


# --- first answers

ANSWER = Answer(202, {"id": "1"})


def expire_lock(rows: Rows, account: UUID) -> None:
    with rows.database.write() as work:
        work.session.get_one(IdempotencyRow, (account, "key")).locked_until = utcnow() - timedelta(seconds=1)


def test_the_same_request_gets_the_first_answer(idempotency: Idempotency, rows: Rows) -> None:
    account = rows.account()
    assert idempotency.begin(account, "key", "print").answer is None
    idempotency.finish(account, "key", ANSWER)
    assert idempotency.begin(account, "key", "print").answer == ANSWER
    assert idempotency.begin(rows.account(), "key", "print").answer is None


def test_a_key_is_for_one_request(idempotency: Idempotency, rows: Rows) -> None:
    account = rows.account()
    idempotency.begin(account, "key", "print")
    with pytest.raises(IdempotencyKeyReused):
        idempotency.begin(account, "key", "another")


def test_of_requests_at_the_same_moment_one_is_answered(idempotency: Idempotency, rows: Rows) -> None:
    account = rows.account()
    assert sorted(at_once([lambda: begins(idempotency, account)] * 6)) == [False] * 5 + [True]


def test_a_lock_that_ran_out_passes_to_one_other(idempotency: Idempotency, rows: Rows) -> None:
    account = rows.account()
    idempotency.begin(account, "key", "print")
    expire_lock(rows, account)
    assert sorted(at_once([lambda: begins(idempotency, account)] * 6)) == [False] * 5 + [True]


def test_an_abandoned_key_can_be_used_again_a_finished_one_not(idempotency: Idempotency, rows: Rows) -> None:
    account = rows.account()
    idempotency.begin(account, "key", "print")
    idempotency.abandon(account, "key")
    assert idempotency.begin(account, "key", "another").answer is None
    idempotency.finish(account, "key", ANSWER)
    idempotency.abandon(account, "key")
    assert idempotency.begin(account, "key", "another").answer == ANSWER


def test_an_answer_is_forgotten_after_a_day(idempotency: Idempotency, rows: Rows) -> None:
    account = rows.account()
    idempotency.begin(account, "key", "print")
    idempotency.finish(account, "key", ANSWER)
    with rows.database.write() as work:
        work.session.get_one(IdempotencyRow, (account, "key")).created_at = utcnow() - KEPT - timedelta(seconds=1)
    assert idempotency.begin(account, "key", "another").answer is None


def test_a_key_that_is_tried_again_keeps_its_beginning_and_one_used_anew_does_not(
    idempotency: Idempotency, rows: Rows
) -> None:
    account = rows.account()
    since = idempotency.begin(account, "key", "print").since
    expire_lock(rows, account)
    assert idempotency.begin(account, "key", "print").since == since
    idempotency.abandon(account, "key")
    assert idempotency.begin(account, "key", "print").since == since
    idempotency.finish(account, "key", ANSWER)
    assert idempotency.begin(account, "key", "print").since == since
    with rows.database.write() as work:
        work.session.get_one(IdempotencyRow, (account, "key")).created_at = utcnow() - KEPT - timedelta(seconds=1)
    assert idempotency.begin(account, "key", "print").since > since


def begins(idempotency: Idempotency, account: UUID) -> bool:
    try:
        return idempotency.begin(account, "key", "print").answer is None
    except RequestInProgress:
        return False


# --- engines

TESSERACT = EngineReport("tesseract", "5.3", ["deu", "eng"])


def test_before_any_report_only_unknown_names_are_refused(engines: Engines) -> None:
    engines.check("auto", "eng")
    engines.check("rapidocr", "xyz")
    with pytest.raises(UnknownEngine, match="auto"):
        engines.check("magic", "eng")


def test_reports_decide_what_is_taken(engines: Engines) -> None:
    engines.report([TESSERACT, EngineReport("null", "1", [])])
    for engine, languages in (("auto", "eng+deu"), ("tesseract", "deu"), ("null", "xyz")):
        engines.check(engine, languages)
    with pytest.raises(EngineUnavailable, match="tesseract"):
        engines.check("rapidocr", "eng")
    with pytest.raises(UnknownLanguage, match="fra"):
        engines.check("auto", "eng+fra")


def test_the_last_report_wins_also_at_the_same_moment(engines: Engines, rows: Rows) -> None:
    at_once([lambda: engines.report([TESSERACT])] * 6)
    engines.report([EngineReport("tesseract", "5.4", ["eng"])])
    assert rows.count(EngineRow) == 1
    with pytest.raises(UnknownLanguage):
        engines.check("tesseract", "deu")
