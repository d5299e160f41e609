"""The life of a quote: asked, answered or given up, put back, forgotten; on both databases."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from shared.adapters.queues import Queues
from shared.adapters.s3 import S3Store
from shared.config import Delivery, Limits
from shared.contracts import QuoteDocument
from shared.db.unit_of_work import Database
from shared.errors import Conflict, CorruptFile, EngineFailed, FileTooLarge, NotFound, ObjectMissing
from shared.models import DeadLetter, DocumentStatus, JobRow, Quote, utcnow
from shared.services.dead_letter_list import DeadLetters
from shared.services.engines import Engines
from shared.services.jobs import Jobs
from shared.services.options import DocumentOptions
from shared.services.pruning import Pruning
from shared.services.quotes import Quotes
from shared.values import QuoteStatus
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
WORDS = DocumentOptions(password="sesame", deskew=True)  # noqa: S106  # of no account


@pytest.fixture
def quotes(database: Database, s3_store: S3Store) -> Quotes:
    return Quotes(database, s3_store, Engines(database), Limits())


@pytest.fixture
def account(rows: Rows) -> UUID:
    return rows.account()


def stored(store: S3Store, quote: Quote) -> bool:
    try:
        store.size(quote.source_key)
    except ObjectMissing:
        return False
    return True


def give_up(database: Database, rows: Rows) -> UUID:
    """Let the only attempt at the quote's job fail."""
    jobs = Jobs(database, Delivery(max_attempts=1))
    (row,) = rows.jobs(QuoteDocument.name)
    claim = jobs.claim(row.id)
    assert claim is not None
    jobs.fail(claim, EngineFailed("it died"))
    return row.id


def test_row_and_job_are_written_together_and_the_answer_takes_file_and_password(
    quotes: Quotes, s3_store: S3Store, rows: Rows, account: UUID, outgoing: Outgoing
) -> None:
    quote = quotes.of_file(account, "a/b.png", PNG, WORDS)
    assert (outgoing.names, outgoing.sent[0].payload) == ([QuoteDocument.name], {"quote_id": str(quote.id)})
    assert rows.jobs()[0].document_id is None
    asked = quotes.asked(quote.id)
    assert asked is not None
    assert (asked.options.password, asked.options.deskew, asked.own_file) == ("sesame", True, True)
    quotes.answer(asked, {"pages": 1})
    kept = quotes.get(account, quote.id)
    assert (kept.status, kept.result, kept.password, kept.filename) == (
        QuoteStatus.COMPLETED,
        {"pages": 1},
        None,
        "b.png",
    )
    assert not stored(s3_store, quote)
    assert quotes.asked(quote.id) is None


def test_the_first_answer_stays(quotes: Quotes, account: UUID) -> None:
    quote = quotes.of_file(account, "a.png", PNG, WORDS)
    asked = quotes.asked(quote.id)
    assert asked is not None
    quotes.refuse(asked, CorruptFile("torn"))
    quotes.answer(asked, {"pages": 1})
    kept = quotes.get(account, quote.id)
    assert (kept.status, kept.error_code, kept.result) == (QuoteStatus.FAILED, "corrupt_file", {})


def test_the_same_request_again_asks_once(quotes: Quotes, rows: Rows, account: UUID) -> None:
    quote_id = uuid4()
    for _ in range(2):
        assert quotes.of_file(account, "a.png", PNG, WORDS, quote_id=quote_id).id == quote_id
    assert (rows.count(Quote), rows.count(JobRow)) == (1, 1)


def test_the_document_that_is_asked_about_keeps_its_file(
    quotes: Quotes, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    document = rows.document(account, password="mellon")  # noqa: S106  # of no account
    s3_store.put(document.source_key, PNG)
    quote = quotes.of_document(account, document.id, DocumentOptions())
    asked = quotes.asked(quote.id)
    assert asked is not None
    assert asked.options.password == "mellon"  # noqa: S105  # of no account
    quotes.answer(asked, {})
    assert stored(s3_store, quote)


def test_only_documents_of_the_account_that_have_a_file_are_asked_about(
    quotes: Quotes, rows: Rows, account: UUID
) -> None:
    with pytest.raises(NotFound):
        quotes.of_document(account, rows.document().id, DocumentOptions())
    with pytest.raises(Conflict):
        quotes.of_document(account, rows.document(account, DocumentStatus.AWAITING_UPLOAD).id, DocumentOptions())
    never = rows.document(account, DocumentStatus.CANCELLED, sha256=None)
    with pytest.raises(Conflict, match="never came"):
        quotes.of_document(account, never.id, DocumentOptions())
    with pytest.raises(FileTooLarge):
        quotes.of_file(account, "a.png", bytes(5_000_000), DocumentOptions())
    assert rows.count(Quote) == 0


def test_tries_of_one_request_at_the_same_moment_ask_once(quotes: Quotes, rows: Rows, account: UUID) -> None:
    document, quote_id = rows.document(account), uuid4()
    asked = partial(quotes.of_document, account, document.id, DocumentOptions(), quote_id=quote_id)
    assert {quote.id for quote in at_once([asked] * 4)} == {quote_id}
    assert len(rows.jobs(QuoteDocument.name)) == 1


def test_another_accounts_quote_is_as_unknown_as_none(quotes: Quotes, rows: Rows, account: UUID) -> None:
    quote = quotes.of_file(account, "a.png", PNG, WORDS)
    with pytest.raises(NotFound):
        quotes.get(rows.account(), quote.id)


def test_a_quote_that_is_given_up_fails_and_can_be_put_back(
    quotes: Quotes, database: Database, s3_store: S3Store, rows: Rows, account: UUID
) -> None:
    quote = quotes.of_file(account, "a.png", PNG, WORDS)
    job_id = give_up(database, rows)
    kept = quotes.get(account, quote.id)
    assert (kept.status, kept.error_code) == (QuoteStatus.FAILED, "engine_failed")
    assert stored(s3_store, quote)
    DeadLetters(database, Queues({})).requeue(job_id)
    kept = quotes.get(account, quote.id)
    assert (kept.status, kept.error_code, kept.completed_at) == (QuoteStatus.QUEUED, None, None)
    asked = quotes.asked(quote.id)
    assert asked is not None
    assert asked.options.password == "sesame"  # noqa: S105  # of no account


def test_quotes_are_forgotten_after_a_day_unless_a_dead_letter_is_about_them(
    quotes: Quotes, database: Database, rows: Rows, account: UUID
) -> None:
    given_up = quotes.of_file(account, "a.png", PNG, WORDS)
    give_up(database, rows)
    old, new = (quotes.of_file(account, "a.png", PNG, WORDS) for _ in range(2))
    for quote in (given_up, old):
        rows.change(Quote, quote.id, created_at=utcnow() - timedelta(hours=25))
    assert rows.count(DeadLetter) == 1
    assert Pruning(database, timedelta(days=90)).prune(utcnow())["quotes"] == 1
    with pytest.raises(NotFound):
        quotes.get(account, old.id)
    assert {quotes.get(account, one.id).id for one in (given_up, new)} == {given_up.id, new.id}
