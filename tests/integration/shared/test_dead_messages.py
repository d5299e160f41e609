"""Messages of dead-letter queues become dead letters, on both databases."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import uuid4

import boto3
import pytest

from shared.adapters.queues import Queues
from shared.config import Delivery, LightDelivery
from shared.contracts import SendEmail
from shared.db.unit_of_work import Database
from shared.errors import NotRequeueable, QueueUnavailable
from shared.models import DeadLetter, EventRow, JobRow, JobStatus, MessageRow, utcnow
from shared.services.dead_letter_list import DeadLetters
from shared.services.dead_messages import MAX_BODY, DeadMessage, DeadMessages
from shared.services.jobs import Jobs
from shared.services.retries import PATIENCE_WITH_OURSELVES
from shared.values import DeadLetterFilter, MessageStatus
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows
from tests.support.waiting import at_once

ALL = DeadLetterFilter()


@pytest.fixture
def letters(database: Database) -> DeadLetters:
    return DeadLetters(database, Queues({}))


@pytest.fixture
def messages(database: Database) -> DeadMessages:
    return DeadMessages(database, Jobs(database, Delivery(max_attempts=1), LightDelivery()))


def of_queue(queue: str, body: str, message_id: str = "m-1") -> DeadMessage:
    """A message that a function was given five times."""
    return DeadMessage(queue, message_id, body, received=5, sent_at=utcnow() - timedelta(hours=1))


def test_a_job_that_could_never_begin_is_sent_again(rows: Rows, messages: DeadMessages, outgoing: Outgoing) -> None:
    """As where the database was away for longer than SQS gives a message again."""
    message_id = rows.message()
    job_id = rows.job(SendEmail(message_id=message_id))
    messages.record(of_queue("email", f'{{"job_id": "{job_id}"}}'))
    job = rows.get_job(job_id)
    assert (job.status, job.attempt, job.error_code) == (JobStatus.QUEUED, 1, "message_gave_up")
    assert [message.job_id for message in outgoing.light] == [job_id]
    assert rows.count(DeadLetter) == 0
    with rows.database.read() as session:
        assert session.get_one(MessageRow, message_id).status == MessageStatus.QUEUED


def test_a_function_lost_before_it_began_is_replaced(rows: Rows, messages: DeadMessages, outgoing: Outgoing) -> None:
    past = utcnow() - timedelta(seconds=1)
    job_id = rows.job(SendEmail(message_id=rows.message()), status=JobStatus.RUNNING, attempt=1, lease_until=past)
    messages.record(of_queue("email", f'{{"job_id": "{job_id}"}}'))
    assert (rows.get_job(job_id).status, rows.get_job(job_id).attempt) == (JobStatus.QUEUED, 1)
    assert [message.job_id for message in outgoing.light] == [job_id]


def test_a_job_whose_messages_give_up_again_and_again_is_given_up(
    rows: Rows, messages: DeadMessages, letters: DeadLetters
) -> None:
    message_id = rows.message()
    job_id = rows.job(SendEmail(message_id=message_id))
    for _ in range(PATIENCE_WITH_OURSELVES + 2):
        messages.record(of_queue("email", f'{{"job_id": "{job_id}"}}'))
    assert (rows.get_job(job_id).status, rows.count(DeadLetter)) == (JobStatus.FAILED, 1)
    assert (letters.get(job_id).error_code, letters.get(job_id).attempts) == ("message_gave_up", 5)
    assert "the function's log says why" in letters.get(job_id).error_message
    with rows.database.read() as session:
        assert session.get_one(MessageRow, message_id).status == MessageStatus.FAILED


def test_a_job_that_was_done_or_comes_again_is_no_dead_letter(rows: Rows, messages: DeadMessages) -> None:
    done = rows.job(SendEmail(message_id=rows.message()), status=JobStatus.SUCCEEDED)
    waits = rows.job(SendEmail(message_id=rows.message()), queued_at=utcnow() + timedelta(minutes=5))
    lease = utcnow() + timedelta(minutes=1)
    runs = rows.job(SendEmail(message_id=rows.message()), status=JobStatus.RUNNING, lease_until=lease)
    for job_id in (done, waits, runs):
        messages.record(of_queue("email", f'{{"job_id": "{job_id}"}}'))
    assert rows.count(DeadLetter) == 0


def test_a_job_lost_while_handed_over_is_told_as_that(rows: Rows, messages: DeadMessages, letters: DeadLetters) -> None:
    past = utcnow() - timedelta(seconds=1)
    job_id = rows.job(SendEmail(message_id=rows.message()), status=JobStatus.RUNNING, lease_until=past)
    rows.change(JobRow, job_id, handed_over_at=past)
    messages.record(of_queue("email", f'{{"job_id": "{job_id}"}}'))
    assert letters.get(job_id).error_code == "outcome_unknown"


def test_an_event_is_told_again(rows: Rows, messages: DeadMessages, letters: DeadLetters, outgoing: Outgoing) -> None:
    event_id = rows.event()
    for _ in range(2):
        messages.record(of_queue("notify", f'{{"source": "twolane", "detail": {{"id": "{event_id}"}}}}'))
    assert rows.count(DeadLetter) == 1
    found = letters.requeue(event_id)
    assert (found.name, found.payload["event_id"]) == ("document.completed", str(event_id))
    assert [event.id for event in outgoing.events] == [event_id]


def test_an_event_is_told_again_by_the_relay_where_the_bus_is_down(
    rows: Rows, messages: DeadMessages, letters: DeadLetters, outgoing: Outgoing
) -> None:
    event_id = rows.event()
    messages.record(of_queue("notify", f'{{"source": "twolane", "detail": {{"id": "{event_id}"}}}}'))
    outgoing.down = True
    letters.requeue(event_id)
    with rows.database.read() as session:
        assert session.get_one(EventRow, event_id).published_at is None


HOSTILE = [
    "",
    "{",
    "null",
    "[" * 100_000,
    "9" * 5000,
    '{"job_id": 7}',
    '{"job_id": "not an id"}',
    f'{{"job_id": "{uuid4()}"}}',
    '{"source": "twolane", "detail": "x"}',
    f'{{"source": "twolane", "detail": {{"id": "{uuid4()}"}}}}',
    '{"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": "k"}}}',
    "\x00 NUL",
    "\ud800 half a pair",
    "Grüße 🎉",
    "x" * (MAX_BODY + 1),
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_message_says_it_becomes_one_dead_letter(
    rows: Rows, messages: DeadMessages, letters: DeadLetters, body: str
) -> None:
    for _ in range(2):
        messages.record(of_queue("ingest", body))
    [[letter], _] = letters.list(ALL, 10)
    assert (letter.lane, letter.queue, letter.name, letter.attempts) == ("light", "ingest", "ingest.message", 5)
    assert len(letter.payload["body"]) <= MAX_BODY
    assert letter.payload["whole"] is (letter.payload["body"] == body)
    assert rows.count(DeadLetter) == 1


def test_a_body_that_names_the_job_of_another_queue_ends_no_job(rows: Rows, messages: DeadMessages) -> None:
    job_id = rows.job(SendEmail(message_id=rows.message()))
    messages.record(of_queue("ingest", f'{{"job_id": "{job_id}"}}'))
    assert rows.get_job(job_id).status == JobStatus.QUEUED
    assert rows.count(DeadLetter) == 1


def test_two_that_enter_the_same_message_at_once_enter_it_once(rows: Rows, messages: DeadMessages) -> None:
    event_id = rows.event()
    for body in ("{}", f'{{"source": "twolane", "detail": {{"id": "{event_id}"}}}}'):
        at_once([partial(messages.record, of_queue("notify", body))] * 4)
    assert rows.count(DeadLetter) == 2


def test_another_message_is_sent_to_its_queue_as_it_was_and_once(
    object_store: None, database: Database, messages: DeadMessages
) -> None:
    del object_store
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=uuid4().hex)["QueueUrl"]
    letters = DeadLetters(database, Queues({"ingest": url}))
    messages.record(of_queue("ingest", "Grüße {} 🎉"))
    [[letter], _] = letters.list(ALL, 10)
    at_once([partial(letters.requeue, letter.id)] * 4)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["Grüße {} 🎉"]
    messages.record(of_queue("ingest", "Grüße {} 🎉"))
    assert letters.get(letter.id).resolution == "requeued"


def test_a_message_whose_queue_takes_nothing_stays_open(
    object_store: None, database: Database, messages: DeadMessages
) -> None:
    del object_store
    letters = DeadLetters(database, Queues({"ingest": "https://sqs.us-east-1.amazonaws.com/123456789012/gone"}))
    messages.record(of_queue("ingest", "{}"))
    [[letter], _] = letters.list(ALL, 10)
    with pytest.raises(QueueUnavailable):
        letters.requeue(letter.id)
    assert letters.get(letter.id).resolved_at is None


@pytest.mark.parametrize(("queue", "body"), [("ingest", "x" * (MAX_BODY + 1)), ("ingest", "\x00"), ("unknown", "{}")])
def test_what_cannot_be_sent_again_says_so(letters: DeadLetters, messages: DeadMessages, queue: str, body: str) -> None:
    messages.record(of_queue(queue, body))
    [[letter], _] = letters.list(ALL, 10)
    with pytest.raises(NotRequeueable):
        letters.requeue(letter.id)
    assert letters.resolve(letter.id, "seen").note == "seen"
