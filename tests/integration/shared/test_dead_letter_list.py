"""Dead letters are put back to the lane they came from, once, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest

from shared.adapters.queues import Queues
from shared.config import Delivery, LightDelivery
from shared.contracts import DeliverWebhook, Job, OcrDocument, Ping, SendEmail
from shared.db.unit_of_work import Database
from shared.errors import (
    EngineFailed,
    MessageGaveUp,
    NotRequeueable,
    OutcomeUnknown,
    ProviderRefused,
    TwolaneError,
)
from shared.models import (
    DeadLetter,
    DocumentStatus,
    JobRow,
    JobStatus,
    MessageRow,
    Webhook,
    utcnow,
)
from shared.models import (
    Delivery as DeliveryRow,
)
from shared.services import dead_letter_list
from shared.services.dead_letter_list import DeadLetters, Requeued
from shared.services.dead_messages import DeadMessage, DeadMessages
from shared.services.jobs import Jobs
from shared.services.retries import PATIENCE_WITH_OURSELVES
from shared.values import DeadLetterFilter, DeliveryStatus, MessageStatus
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

ALL = DeadLetterFilter()


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, Delivery(max_attempts=1), LightDelivery())


@pytest.fixture
def letters(database: Database) -> DeadLetters:
    return DeadLetters(database, Queues({}))


def fail(rows: Rows, jobs: Jobs, message: Job, error: TwolaneError, document_id: UUID | None = None) -> UUID:
    """A job that failed for good."""
    job_id = rows.job(message, document_id=document_id)
    claim = jobs.claim_light(job_id) if message.queue in {"email", "webhook"} else jobs.claim(job_id)
    assert claim is not None
    assert jobs.fail(claim, error) == JobStatus.FAILED
    return job_id


def failed_mail(rows: Rows, jobs: Jobs, error: TwolaneError | None = None) -> UUID:
    return fail(rows, jobs, SendEmail(message_id=rows.message()), error or ProviderRefused("never"))


def test_a_mail_goes_back_as_if_it_had_never_been_tried(
    rows: Rows, jobs: Jobs, letters: DeadLetters, outgoing: Outgoing
) -> None:
    job_id = failed_mail(rows, jobs, OutcomeUnknown("may have been sent"))
    rows.change(JobRow, job_id, handed_over_at=utcnow(), attempt=7)
    assert letters.requeue(job_id).resolution == "requeued"
    job = rows.get_job(job_id)
    assert (job.status, job.attempt, job.error_code, job.error_message) == (JobStatus.QUEUED, 0, None, None)
    assert (job.handed_over_at, job.first_failed_at, job.finished_at) == (None, None, None)
    with rows.database.read() as session:
        message = session.get_one(MessageRow, UUID(job.payload["message_id"]))
    assert (message.status, message.error_code) == (MessageStatus.QUEUED, None)
    assert [sent.job_id for sent in outgoing.light] == [job_id]
    assert jobs.claim_light(job_id) is not None


def test_a_delivery_goes_back_pending(rows: Rows, jobs: Jobs, letters: DeadLetters) -> None:
    account_id = rows.account()
    with rows.database.write() as work:
        webhook = Webhook(account_id=account_id, url="https://example.com", events=[], key_id="k1")
        work.session.add(webhook)
        work.session.flush()
        plain = {"event_id": uuid4(), "event_type": "document.completed", "url": "https://example.com", "body": "{}"}
        delivery = DeliveryRow(webhook_id=webhook.id, account_id=account_id, key=uuid4().hex, **plain)
        work.session.add(delivery)
    job_id = fail(rows, jobs, DeliverWebhook(delivery_id=delivery.id), ProviderRefused("no"))
    letters.requeue(job_id)
    with rows.database.read() as session:
        found = session.get_one(DeliveryRow, delivery.id)
    assert (found.status, found.finished_at, found.error_code) == (DeliveryStatus.PENDING, None, None)


def test_heavy_work_goes_back_to_the_broker(rows: Rows, jobs: Jobs, letters: DeadLetters, outgoing: Outgoing) -> None:
    job_id = fail(rows, jobs, Ping(), EngineFailed("died"))
    letters.requeue(job_id)
    assert [sent.job_id for sent in outgoing.sent] == [job_id]
    assert outgoing.light == []
    assert jobs.claim(job_id) is not None


def test_a_document_is_read_again(rows: Rows, jobs: Jobs, letters: DeadLetters, outgoing: Outgoing) -> None:
    document = rows.document()
    fail(rows, jobs, OcrDocument(document_id=document.id), EngineFailed("died"), document.id)
    assert rows.get_document(document.id).status == DocumentStatus.FAILED
    assert letters.requeue(document.id).resolution == "requeued"
    found = rows.get_document(document.id)
    assert (found.status, found.generation, found.error_code) == (DocumentStatus.QUEUED, 1, None)
    assert outgoing.names == ["ocr.document"]


@pytest.mark.parametrize("kind", ["mail", "document", "event"])
def test_requeued_by_eight_at_once_it_goes_back_once(
    rows: Rows, jobs: Jobs, letters: DeadLetters, outgoing: Outgoing, kind: str
) -> None:
    if kind == "mail":
        letter_id = failed_mail(rows, jobs)
    elif kind == "document":
        letter_id = rows.document().id
        fail(rows, jobs, OcrDocument(document_id=letter_id), EngineFailed("died"), letter_id)
    else:
        letter_id = rows.event()
        told = f'{{"source": "twolane", "detail": {{"id": "{letter_id}"}}}}'
        DeadMessages(rows.database, jobs).record(DeadMessage("notify", "m-1", told, 5, utcnow()))
    outgoing.events.clear()
    outgoing.sent.clear()
    answers = at_once([partial(letters.requeue, letter_id)] * 8)
    assert {answer.resolution for answer in answers} == {"requeued"}
    assert len(outgoing.light) + len(outgoing.sent) + len(outgoing.events) == 1


def test_giving_up_and_requeueing_at_once_never_block_each_other(rows: Rows, jobs: Jobs, letters: DeadLetters) -> None:
    """Both lock what the dead letter is about before the dead letter; the other order deadlocks within some rounds."""
    for _ in range(6):
        job_id = failed_mail(rows, jobs)
        rows.change(JobRow, job_id, status=JobStatus.QUEUED, finished_at=None, attempt=PATIENCE_WITH_OURSELVES)
        give_up = partial(jobs.abandon, job_id, MessageGaveUp("again"))
        calls: list[Callable[[], object]] = [partial(_if_possible, letters, job_id), give_up] * 3
        at_once(calls)


def test_recording_an_event_and_requeueing_it_at_once_never_block_each_other(
    rows: Rows, jobs: Jobs, letters: DeadLetters
) -> None:
    """Both lock the event before the dead letter; the other order deadlocks within some rounds."""
    for _ in range(6):
        event_id = rows.event()
        told = f'{{"source": "twolane", "detail": {{"id": "{event_id}"}}}}'
        record = partial(DeadMessages(rows.database, jobs).record, DeadMessage("notify", "m-1", told, 5, utcnow()))
        record()
        calls: list[Callable[[], object]] = [partial(_if_possible, letters, event_id), record] * 3
        at_once(calls)
    assert rows.count(DeadLetter) == 6


def _if_possible(letters: DeadLetters, job_id: UUID) -> None:
    try:
        letters.requeue(job_id)
    except NotRequeueable:
        return


def test_what_fails_again_is_open_again(rows: Rows, jobs: Jobs, letters: DeadLetters) -> None:
    job_id = failed_mail(rows, jobs)
    letters.requeue(job_id)
    claim = jobs.claim_light(job_id)
    assert claim is not None
    jobs.fail(claim, ProviderRefused("still never"))
    found = letters.get(job_id)
    assert (found.resolved_at, found.error_message) == (None, "still never")
    letters.requeue(job_id)
    assert rows.get_job(job_id).status == JobStatus.QUEUED


def test_a_mail_that_was_sent_after_all_is_not_sent_again(rows: Rows, jobs: Jobs, letters: DeadLetters) -> None:
    job_id = failed_mail(rows, jobs)
    rows.change(MessageRow, UUID(rows.get_job(job_id).payload["message_id"]), status=MessageStatus.SENT)
    with pytest.raises(NotRequeueable, match="has been sent"):
        letters.requeue(job_id)
    assert rows.get_job(job_id).status == JobStatus.FAILED
    assert letters.get(job_id).resolved_at is None


def test_by_filter_those_of_both_lanes_that_fit_go_back(
    rows: Rows, jobs: Jobs, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_list, "PAGE", 2)
    mails = [failed_mail(rows, jobs) for _ in range(5)]
    rows.change(MessageRow, UUID(rows.get_job(mails[0]).payload["message_id"]), status=MessageStatus.SENT)
    ping = fail(rows, jobs, Ping(), EngineFailed("died"))
    assert letters.requeue_all(DeadLetterFilter(lane="light")) == Requeued(requeued=4, refused=1, remaining=0)
    assert rows.get_job(ping).status == JobStatus.FAILED
    assert letters.requeue_all(DeadLetterFilter(code="engine_failed")).requeued == 1


def test_by_filter_no_more_go_back_than_one_request_takes(
    rows: Rows, jobs: Jobs, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_list, "MOST", 3)
    for _ in range(5):
        failed_mail(rows, jobs)
    assert letters.requeue_all(ALL) == Requeued(requeued=3, refused=0, remaining=2)
    assert letters.requeue_all(ALL) == Requeued(requeued=2, refused=0, remaining=0)


def test_by_filter_what_is_refused_counts_as_well(
    rows: Rows, jobs: Jobs, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_list, "MOST", 3)
    for _ in range(5):
        message_id = UUID(rows.get_job(failed_mail(rows, jobs)).payload["message_id"])
        rows.change(MessageRow, message_id, status=MessageStatus.SENT)
    assert letters.requeue_all(ALL) == Requeued(requeued=0, refused=3, remaining=2)


def test_by_filter_no_request_takes_for_ever(
    rows: Rows, jobs: Jobs, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_list, "SECONDS", 0)
    for _ in range(3):
        failed_mail(rows, jobs)
    assert [letters.requeue_all(ALL) for _ in range(2)] == [
        Requeued(requeued=1, refused=0, remaining=2),
        Requeued(requeued=1, refused=0, remaining=1),
    ]


def test_pages_of_the_list_leave_nothing_out(rows: Rows, jobs: Jobs, letters: DeadLetters) -> None:
    ids = {failed_mail(rows, jobs) for _ in range(5)}
    moment = utcnow()
    for one in ids:
        rows.change(DeadLetter, one, last_failed_at=moment)
    seen: list[UUID] = []
    cursor: str | None = None
    while True:
        page, cursor = letters.list(ALL, 2, cursor)
        seen += [row.id for row in page]
        if cursor is None:
            break
    assert (len(seen), set(seen)) == (5, ids)
