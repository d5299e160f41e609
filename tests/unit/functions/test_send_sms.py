"""The function behind the queue of text messages: real rows, moto's SNS, and faults in front of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from functions.send_sms import handler as send_sms
from shared.adapters.sns import Sns
from shared.bootstrap import Services
from shared.contracts import SendSms
from shared.errors import InvalidAddress
from shared.models import (
    Account,
    Circuit,
    DeadLetter,
    JobRow,
    JobStatus,
    MessageRow,
    OutboxRow,
    Spend,
    Suppression,
    utcnow,
)
from shared.services import circuits, runs
from shared.services.sms import CIRCUIT
from shared.values import MessageStatus, SuppressedChannel
from tests.support.emf import metrics_in
from tests.support.light_lane import at_once, bodies, returned, sqs, wired
from tests.support.rows import Rows
from tests.support.sns import OPTED_OUT, FakedSns, Fault, answers, faked_sns, silent, unreachable

PHONE = "+4915112345678"
SEGMENT = 6450
"""Millionths of a dollar, by default."""

ENVIRONMENT = {"SMS_ENABLED": "true", "SMS_SENDER_ID": "Twolane", "SMS_MONTHLY_DOLLARS": "1"}


@pytest.fixture
def sns(object_store: None) -> Iterator[FakedSns]:
    """Moto's SNS, behind faults."""
    del object_store
    with faked_sns() as faked:
        yield faked


@pytest.fixture
def stack(database_url: str, sns: FakedSns) -> Iterator[Services]:
    """The function's services."""
    del sns
    with wired({**ENVIRONMENT, "DATABASE_URL": database_url}) as services:
        yield services


@pytest.fixture
def account(stack: Services) -> UUID:
    """Who sends."""
    return Rows(stack.database).account()


@pytest.fixture
def message(stack: Services, account: UUID) -> UUID:
    """A text message that is queued."""
    return stack.sms.submit(account, PHONE, "Your code is 1234").message_id


def deliver(stack: Services) -> Any:
    """Give the function every message that waits, once."""
    return send_sms.handler(sqs(*bodies(stack.database, SendSms)), LambdaContext())


def row_of(stack: Services, message_id: UUID) -> MessageRow:
    """The message now."""
    with stack.database.read() as session:
        return session.get_one(MessageRow, message_id)


def job_of(stack: Services) -> JobRow:
    """Its job now."""
    [job] = Rows(stack.database).jobs(SendSms.name)
    return job


def spent(stack: Services) -> int:
    """What counts as spent this month."""
    with stack.database.read() as session:
        row = session.get(Spend, f"sms:{utcnow():%Y-%m}")
    return row.micros if row else 0


def test_a_text_message_reaches_its_phone(stack: Services, sns: FakedSns, message: UUID) -> None:
    assert returned(deliver(stack)) == 0
    assert sns.published == [(PHONE, "Your code is 1234")]
    row = row_of(stack, message)
    assert (row.status, row.segments, row.cost_micros) == (MessageStatus.SENT, 1, SEGMENT)
    assert row.provider_id
    assert row.sent_at
    assert job_of(stack).status == JobStatus.SUCCEEDED
    assert spent(stack) == SEGMENT


def test_it_goes_as_transactional_with_our_name(stack: Services, sns: FakedSns, message: UUID) -> None:
    del message
    deliver(stack)
    asked = sns.requests[sns.calls.index("Publish")]
    said = {value for name, value in asked.items() if name.startswith("MessageAttributes") and "Value" in name}
    assert said >= {"Transactional", "Twolane"}


def test_the_same_message_delivered_five_times_at_once_is_sent_once(
    stack: Services, sns: FakedSns, message: UUID
) -> None:
    event = sqs(*bodies(stack.database, SendSms))
    assert [returned(answer) for answer in at_once(send_sms.handler, event)] == [0] * 5
    assert sns.calls.count("Publish") == 1
    assert row_of(stack, message).status == MessageStatus.SENT
    assert spent(stack) == SEGMENT


def test_a_message_delivered_again_later_is_not_sent_again(stack: Services, sns: FakedSns, message: UUID) -> None:
    del message
    deliver(stack)
    deliver(stack)
    assert len(sns.published) == 1


def test_an_attempt_is_measured(stack: Services, message: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    del message
    deliver(stack)
    found = {name: values for (name, _), values in metrics_in(capsys.readouterr().out).items()}
    assert found["Sent"] == [1]
    assert found["Attempts"] == [1]
    assert 0 <= found["SentSeconds"][0] < 60


def test_who_answered_stop_gets_nothing_and_is_not_asked_about_again(
    stack: Services, sns: FakedSns, account: UUID
) -> None:
    first = stack.sms.submit(account, OPTED_OUT, "hello").message_id
    second = stack.sms.submit(account, OPTED_OUT, "hello again").message_id
    deliver(stack)
    assert sns.published == []
    assert sns.calls == ["CheckIfPhoneNumberIsOptedOut"]
    for message_id in (first, second):
        row = row_of(stack, message_id)
        assert (row.status, row.error_code) == (MessageStatus.SUPPRESSED, "recipient_suppressed")
    with stack.database.read() as session:
        assert session.get_one(Suppression, (SuppressedChannel.SMS, OPTED_OUT)).reason == "opt_out"
    # An answer, no failure of ours.
    assert Rows(stack.database).count(DeadLetter) == 0
    assert spent(stack) == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (answers(400, "InvalidParameter"), "provider_refused"),
        (answers(400, "ParameterValueInvalid"), "provider_refused"),
        (answers(400, "OptedOut"), "provider_refused"),
    ],
)
def test_what_sns_refuses_is_a_dead_letter_and_costs_nothing(
    stack: Services, sns: FakedSns, message: UUID, fault: Fault, code: str
) -> None:
    sns.faults["Publish"] = [fault]
    assert returned(deliver(stack)) == 0
    assert (row_of(stack, message).status, row_of(stack, message).error_code) == (MessageStatus.FAILED, code)
    with stack.database.read() as session:
        letter = session.get_one(DeadLetter, job_of(stack).id)
    assert (letter.lane, letter.queue, letter.error_code) == ("light", "sms", code)
    assert spent(stack) == 0


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (("Publish", answers(500, "InternalError")), "provider_unavailable"),
        (("Publish", answers(403, "AuthorizationError")), "provider_unavailable"),
        (("Publish", unreachable), "provider_unavailable"),
        (("Publish", answers(429, "Throttled")), "throttled"),
        (("Publish", answers(400, "KMSThrottling")), "throttled"),
        (("CheckIfPhoneNumberIsOptedOut", answers(429, "Throttled")), "throttled"),
        (("CheckIfPhoneNumberIsOptedOut", answers(500, "InternalError")), "provider_unavailable"),
        (("CheckIfPhoneNumberIsOptedOut", silent), "provider_unavailable"),
    ],
)
def test_what_was_certainly_not_sent_is_sent_later(
    stack: Services, sns: FakedSns, message: UUID, fails: tuple[str, Fault], code: str
) -> None:
    operation, fault = fails
    sns.faults[operation] = [fault]
    assert returned(deliver(stack)) == 0
    job = job_of(stack)
    assert (job.status, job.error_code, job.handed_over_at) == (JobStatus.QUEUED, code, None)
    assert spent(stack) == 0
    assert sns.published == []
    Rows(stack.database).change(JobRow, job.id, queued_at=utcnow())
    deliver(stack)
    assert len(sns.published) == 1
    row = row_of(stack, message)
    assert (row.status, row.error_code) == (MessageStatus.SENT, None)


@pytest.mark.usefixtures("message")
def test_where_nobody_keeps_who_opted_out_nobody_has(stack: Services, sns: FakedSns) -> None:
    sns.faults["CheckIfPhoneNumberIsOptedOut"] = [answers(400, "InvalidAction")]
    deliver(stack)
    assert len(sns.published) == 1


def test_a_pause_that_sns_asks_for_is_kept(stack: Services, sns: FakedSns, message: UUID) -> None:
    del message
    sns.faults["Publish"] = [answers(429, "Throttled", {"retry-after": "120"})]
    deliver(stack)
    wait = job_of(stack).queued_at - utcnow()
    assert 110 < wait.total_seconds() <= 150


def test_an_answer_that_is_lost_is_a_dead_letter_and_never_a_second_message(
    stack: Services, sns: FakedSns, message: UUID
) -> None:
    sns.faults["Publish"] = [silent]
    deliver(stack)
    deliver(stack)
    assert sns.calls.count("Publish") == 1
    assert row_of(stack, message).error_code == "outcome_unknown"
    with stack.database.read() as session:
        assert session.get_one(DeadLetter, job_of(stack).id).error_code == "outcome_unknown"
    # It may have been sent, so it may have been charged.
    assert spent(stack) == SEGMENT


def test_a_failure_that_cannot_be_counted_does_not_make_a_lost_answer_look_unsent(
    stack: Services, sns: FakedSns, message: UUID
) -> None:
    del message

    def execute(statement: str) -> None:
        with stack.database.connect() as connection:
            connection.execute(text(statement))
            connection.commit()

    sns.faults["Publish"] = [_then(lambda: execute("ALTER TABLE circuits RENAME TO gone"), silent)]
    deliver(stack)
    execute("ALTER TABLE gone RENAME TO circuits")
    assert job_of(stack).error_code == "outcome_unknown"


def _then(first: Callable[[], object], fault: Fault) -> Fault:
    def meet() -> Any:
        first()
        return fault()

    return meet


def test_sns_is_left_alone_after_failing_again_and_again(stack: Services, sns: FakedSns, account: UUID) -> None:
    for _ in range(circuits.FAILURES + 1):
        stack.sms.submit(account, PHONE, "hello")
    sns.faults["Publish"] = [unreachable] * circuits.FAILURES
    deliver(stack)
    assert sns.calls.count("Publish") == circuits.FAILURES
    [last] = [job for job in Rows(stack.database).jobs(SendSms.name) if job.attempt == 0]
    assert last.queued_at > utcnow()
    with stack.database.read() as session:
        assert session.get_one(Circuit, CIRCUIT).open_until


def test_an_answer_closes_the_circuit_even_if_it_is_a_refusal(stack: Services, sns: FakedSns, account: UUID) -> None:
    for _ in range(3):
        stack.circuits.failed(CIRCUIT, "away")
    stack.sms.submit(account, PHONE, "hello")
    sns.faults["Publish"] = [answers(400, "InvalidParameter")]
    deliver(stack)
    assert stack.circuits.troubled() == []


@pytest.mark.parametrize("fault", [answers(429, "Throttled"), None], ids=["throttled", "nothing left to spend"])
def test_a_probe_that_is_answered_at_all_closes_the_circuit(
    stack: Services, sns: FakedSns, message: UUID, fault: Fault | None
) -> None:
    for _ in range(circuits.FAILURES):
        stack.circuits.failed(CIRCUIT, "away")
    Rows(stack.database).change(Circuit, CIRCUIT, open_until=utcnow() - timedelta(seconds=1))
    if fault is None:
        with stack.database.write() as work:
            work.session.add(Spend(period=f"sms:{utcnow():%Y-%m}", micros=1_000_000))
    else:
        sns.faults["Publish"] = [fault]
    deliver(stack)
    assert row_of(stack, message).sent_at is None
    assert stack.circuits.troubled() == []


@pytest.mark.parametrize("patience", [runs.NOTING_SECONDS, 0])
def test_a_text_that_could_not_be_noted_is_noted_later_or_found_by_the_providers_id(
    stack: Services, sns: FakedSns, message: UUID, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(runs, "NOTING_SECONDS", patience)
    away = [OperationalError("UPDATE", None, Exception("failing over"))]

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if sns.published and statement.startswith("UPDATE jobs") and away:
            raise away.pop()

    event.listen(stack.database.engine, "before_cursor_execute", fail)
    deliver(stack)
    assert len(sns.published) == 1
    row = row_of(stack, message)
    if patience:
        assert (row.status, row.error_message) == (MessageStatus.SENT, None)
    else:
        [provider_id] = sns.ids
        assert row.status == MessageStatus.FAILED
        assert f"It was done (provider id {provider_id}), but" in (row.error_message or "")


def test_a_text_that_was_sent_already_is_not_sent_again(stack: Services, sns: FakedSns, message: UUID) -> None:
    Rows(stack.database).change(MessageRow, message, status=MessageStatus.SENT)
    deliver(stack)
    assert sns.calls == []
    assert job_of(stack).status == JobStatus.SUCCEEDED


def test_what_the_budget_has_no_room_for_is_a_dead_letter(stack: Services, sns: FakedSns, message: UUID) -> None:
    with stack.database.write() as work:
        work.session.add(Spend(period=f"sms:{utcnow():%Y-%m}", micros=1_000_000 - SEGMENT + 1))
    deliver(stack)
    assert sns.published == []
    assert row_of(stack, message).error_code == "spend_cap_reached"
    assert spent(stack) == 1_000_000 - SEGMENT + 1


def test_many_at_once_never_spend_more_than_there_is(stack: Services, sns: FakedSns, account: UUID) -> None:
    with stack.database.write() as work:
        work.session.add(Spend(period=f"sms:{utcnow():%Y-%m}", micros=1_000_000 - 3 * SEGMENT))
    for number in range(10):
        stack.sms.submit(account, PHONE, f"number {number}")
    event = sqs(*bodies(stack.database, SendSms))
    at_once(send_sms.handler, event, times=4)
    assert len(sns.published) == 3
    assert spent(stack) == 1_000_000
    assert Rows(stack.database).count(DeadLetter) == 7


def test_a_message_whose_function_was_lost_before_it_was_sent_is_sent(
    stack: Services, sns: FakedSns, message: UUID
) -> None:
    claim = stack.jobs.claim_light(job_of(stack).id)
    assert claim
    stack.jobs.release()
    stack.jobs.recover(10)
    deliver(stack)
    assert len(sns.published) == 1
    assert row_of(stack, message).status == MessageStatus.SENT
    assert spent(stack) == SEGMENT


def test_a_message_whose_function_was_lost_while_it_was_sent_is_a_dead_letter(
    stack: Services, sns: FakedSns, message: UUID
) -> None:
    def killed() -> Any:
        raise SystemExit

    sns.faults["Publish"] = [killed]
    with pytest.raises(SystemExit):
        deliver(stack)
    stack.jobs.release()
    stack.jobs.recover(10)
    deliver(stack)
    assert sns.published == []
    assert row_of(stack, message).error_code == "outcome_unknown"
    assert Rows(stack.database).count(DeadLetter) == 1


def test_a_message_whose_account_is_gone_is_a_dead_letter(
    stack: Services, sns: FakedSns, account: UUID, message: UUID
) -> None:
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(Account, account))
    del message
    deliver(stack)
    assert sns.calls == []
    assert Rows(stack.database).count(DeadLetter) == 1


def test_messages_wait_as_dead_letters_where_the_channel_was_turned_off(
    stack: Services, message: UUID, database_url: str
) -> None:
    with wired({**ENVIRONMENT, "SMS_ENABLED": "false", "DATABASE_URL": database_url}) as off:
        send_sms.handler(sqs(*bodies(off.database, SendSms)), LambdaContext())
    assert row_of(stack, message).error_code == "channel_unavailable"


@pytest.mark.parametrize("body", ["", "no json", "{}", '{"job_id": 1}', "[]"])
def test_what_is_no_message_of_ours_comes_again_until_it_is_a_dead_letter(stack: Services, body: str) -> None:
    del stack
    assert returned(send_sms.handler(sqs(body), LambdaContext())) == 1


def test_a_message_for_a_job_that_is_gone_is_over(stack: Services, sns: FakedSns, message: UUID) -> None:
    del message
    [body] = bodies(stack.database, SendSms)
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(JobRow, job_of(stack).id))
    assert Rows(stack.database).count(OutboxRow) == 0
    assert returned(send_sms.handler(sqs(body), LambdaContext())) == 0
    assert sns.calls == []


@pytest.mark.parametrize(
    "phone", ["", "0151123", "+0151123456", "+49 151 1234567", "+491511234567x", "tel:+4915112345678", "+49", "1" * 500]
)
def test_what_is_no_phone_number_is_refused(stack: Services, account: UUID, phone: str) -> None:
    with pytest.raises(InvalidAddress):
        stack.sms.submit(account, phone, "hello")
    assert Rows(stack.database).count(MessageRow) == 0
    assert Rows(stack.database).count(JobRow) == 0


def test_a_request_that_is_repeated_makes_one_message(stack: Services, account: UUID) -> None:
    wanted = uuid4()
    first, second = (stack.sms.submit(account, PHONE, "hello", wanted) for _ in range(2))
    assert first == second
    assert len(bodies(stack.database, SendSms)) == 1


def test_the_adapter_makes_its_client_once(sns: FakedSns) -> None:
    del sns
    adapter = Sns()
    assert adapter._client is adapter._client  # noqa: SLF001  # what costs 0.2 s if it is made again


def test_an_event_to_begin_with_is_one_it_takes(stack: Services, sns: FakedSns) -> None:
    """Its job is gone: it is over."""
    del stack
    event = json.loads(Path("tests/events/send_sms.json").read_text())
    assert returned(send_sms.handler(event, LambdaContext())) == 0
    assert sns.calls == []
