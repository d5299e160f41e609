"""The function behind the queues of mail: real rows, moto's SES and S3, and faults in front of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from functions.send_email import handler as send_email
from shared.bootstrap import Services
from shared.contracts import Job, SendBulkEmail, SendEmail
from shared.models import Circuit, DeadLetter, JobRow, JobStatus, MessageRow, OutboxRow, utcnow
from shared.services import runs
from shared.services.circuits import FAILURES, of_provider
from shared.services.drafts import BulkDraft, Draft, Enclosure
from shared.services.messages import MessageState
from shared.values import MessageStatus, SuppressedChannel
from tests.support.emf import metrics_in
from tests.support.light_lane import at_once, bodies, returned, sqs, wired
from tests.support.mail_server import mail_server
from tests.support.rows import Rows
from tests.support.ses import FakedSes, answers, parsed, raises, taken

ADA = "ada@example.com"
URL = "https://email.us-east-1.amazonaws.com"


def draft(**changes: Any) -> Draft:
    return Draft(**({"to": ADA, "subject": "Grüße", "text": "Hello Ada"} | changes))


def deliver(stack: Services, kind: type[Job] = SendEmail) -> int:
    """Hand every message of a kind to the function; how many SQS shall give again."""
    return returned(send_email.handler(sqs(*bodies(stack.database, kind)), LambdaContext()))


def state(stack: Services, account: UUID, message_id: UUID) -> MessageState:
    return stack.messages.get(account, message_id)


def dead_letters(stack: Services) -> list[DeadLetter]:
    with stack.database.read() as session:
        return list(session.scalars(select(DeadLetter).where(DeadLetter.resolved_at.is_(None))))


def job_of(stack: Services, message_id: UUID, kind: type[Job] = SendEmail) -> JobRow:
    with stack.database.read() as session:
        return session.scalars(select(JobRow).where(JobRow.key == f"{kind.name}:{message_id}")).one()


def test_a_mail_is_sent(stack: Services, account: UUID, ses: FakedSes, capsys: pytest.CaptureFixture[str]) -> None:
    message_id = stack.emails.send(account, draft(html="<p>Hello <b>Ada</b></p>"))
    assert deliver(stack) == 0
    [mail] = ses.sent
    assert (mail["To"], mail["Subject"], mail["From"]) == (ADA, "Grüße", "Twolane <no-reply@twolane.example>")
    assert mail.get_body(("plain",)).get_content().strip() == "Hello Ada"  # type: ignore[union-attr]  # it has one
    assert "<b>Ada</b>" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]  # likewise
    assert mail["List-Unsubscribe"] is None
    shown = state(stack, account, message_id)
    assert (shown.status, shown.attempts, shown.error_code) == (MessageStatus.SENT, 1, None)
    assert shown.sent_at
    [row] = [row for row in _messages(stack) if row.id == message_id]
    assert row.provider_id
    names = {name for name, _ in metrics_in(capsys.readouterr().out)}
    assert {"Sent", "Attempts", "AttemptSeconds", "SentSeconds"} <= names


def _messages(stack: Services) -> list[MessageRow]:
    with stack.database.read() as session:
        return list(session.scalars(select(MessageRow)))


def test_the_same_message_delivered_five_times_at_once_sends_once(
    stack: Services, account: UUID, ses: FakedSes
) -> None:
    stack.emails.send(account, draft())
    batch = sqs(*bodies(stack.database, SendEmail))
    answered = at_once(send_email.handler, batch)
    # SQLite has one writer: who had to wait too long is given its message again.
    for _ in range(2):
        answered += at_once(send_email.handler, batch)
    assert ses.recipients == [ADA]
    assert len(ses.requests) == 1
    assert returned(answered[-1]) == 0


def test_attachments_come_from_the_request_and_from_the_store(stack: Services, account: UUID, ses: FakedSes) -> None:
    key = f"attachments/{account}/large.pdf"
    stack.store.put(key, b"%PDF" + bytes(10_000))
    enclosures = [Enclosure("näme.txt", None, b"small"), Enclosure(key=key)]
    stack.emails.send(account, draft(enclosures=enclosures))
    assert deliver(stack) == 0
    found = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in ses.sent[0].iter_attachments()
    ]
    assert found == [
        ("näme.txt", "text/plain", b"small"),
        ("large.pdf", "application/pdf", b"%PDF" + bytes(10_000)),
    ]


def test_an_attachment_that_went_away_is_a_dead_letter(stack: Services, account: UUID, ses: FakedSes) -> None:
    key = f"attachments/{account}/large.pdf"
    stack.store.put(key, b"%PDF")
    message_id = stack.emails.send(account, draft(enclosures=[Enclosure(key=key)]))
    stack.store.delete_prefix(key)
    assert deliver(stack) == 0
    assert ses.requests == []
    assert state(stack, account, message_id).error_code == "attachment_missing"
    assert [letter.error_code for letter in dead_letters(stack)] == ["attachment_missing"]


def test_an_attachment_that_grew_is_not_even_read(
    stack: Services, account: UUID, ses: FakedSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"attachments/{account}/large.pdf"
    stack.store.put(key, b"%PDF")
    message_id = stack.emails.send(account, draft(enclosures=[Enclosure(key=key)]))
    stack.store.put(key, bytes(30_000_000))
    monkeypatch.setattr(stack.store, "get", lambda *_: pytest.fail("it was read"))
    deliver(stack)
    assert ses.requests == []
    assert state(stack, account, message_id).error_code == "message_too_large"


def test_a_template_is_rendered_and_its_token_forgotten(
    stack: Services, account: UUID, ses: FakedSes, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    token = "s3cret-token"  # noqa: S105  # nobody's
    stack.emails.send_template(account, ADA, "verification", {"token": token})
    assert deliver(stack) == 0
    assert token in ses.sent[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    assert [row.content for row in _messages(stack)] == [{"template": "verification"}]
    assert token not in capsys.readouterr().out + caplog.text


def test_a_recipient_suppressed_meanwhile_gets_nothing_and_is_no_dead_letter(
    stack: Services, account: UUID, ses: FakedSes
) -> None:
    message_id = stack.emails.send(account, draft())
    stack.suppressions.add(SuppressedChannel.EMAIL, "ADA@example.com", "bounce")
    assert deliver(stack) == 0
    assert ses.requests == []
    shown = state(stack, account, message_id)
    assert (shown.status, shown.error_code) == (MessageStatus.SUPPRESSED, "recipient_suppressed")
    assert dead_letters(stack) == []


def test_a_token_whose_recipient_is_suppressed_does_not_stay(stack: Services, account: UUID) -> None:
    stack.emails.send_template(account, ADA, "verification", {"token": uuid4().hex})
    stack.suppressions.add(SuppressedChannel.EMAIL, ADA, "bounce")
    assert deliver(stack) == 0
    [row] = _messages(stack)
    assert (row.status, row.content) == (MessageStatus.SUPPRESSED, {"template": "verification"})


def test_who_unsubscribed_still_gets_what_they_ask_for(stack: Services, account: UUID, ses: FakedSes) -> None:
    stack.suppressions.add(SuppressedChannel.BULK_EMAIL, ADA, "unsubscribed")
    stack.emails.send(account, draft())
    deliver(stack)
    assert ses.recipients == [ADA]


def test_a_bulk_goes_to_each_with_headers_that_end_it(environment: dict[str, str], ses: FakedSes) -> None:
    with wired(environment | {"PUBLIC_URL": "https://api.twolane.example/", "SIGNING_SECRET_ARN": _secret()}) as stack:
        account = Rows(stack.database).account()
        recipients = [ADA, "bob@example.com", "not an address", "ADA@EXAMPLE.COM", "gone@example.com"]
        stack.suppressions.add(SuppressedChannel.EMAIL, "gone@example.com", "bounce")
        queued = stack.emails.send_bulk(account, BulkDraft(recipients, "News", "Hello all"))
        assert [(one.recipient, one.code) for one in queued.refused] == [
            ("not an address", "invalid_address"),
            ("gone@example.com", "recipient_suppressed"),
        ]
        assert deliver(stack, SendBulkEmail) == 0
        assert ses.recipients == [ADA, "bob@example.com"]
        link = ses.sent[0]["List-Unsubscribe"].strip("<>")
        assert ses.sent[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        token = link.rpartition("token=")[2]
        assert link.startswith("https://api.twolane.example/unsubscribe?address=ada%40example.com&token=")
        stack.unsubscribing.check(ADA, token)
        shown = state(stack, account, queued.message_id)
        assert shown.status == MessageStatus.SENT
        assert shown.counts == {"queued": 0, "sent": 2, "failed": 0, "suppressed": 0}


def _secret() -> str:
    import boto3  # noqa: PLC0415  # of the faked session

    name = f"signing-{uuid4()}"
    made = boto3.client("secretsmanager").create_secret(Name=name, SecretString='{"password": "k"}')
    return str(made["ARN"])


def test_a_bad_address_of_a_bulk_stops_nobody(stack: Services, account: UUID, ses: FakedSes) -> None:
    ses.faults = [answers(400, "MessageRejected")]
    queued = stack.emails.send_bulk(account, BulkDraft([ADA, "bob@example.com"], "News", "Hello all"))
    assert deliver(stack, SendBulkEmail) == 0
    assert len(ses.sent) == 1
    assert state(stack, account, queued.message_id).counts == {"queued": 0, "sent": 1, "failed": 1, "suppressed": 0}
    assert [letter.error_code for letter in dead_letters(stack)] == ["provider_refused"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (answers(429, "TooManyRequestsException", {"retry-after": "7"}), "throttled"),
        (answers(400, "LimitExceededException"), "throttled"),
        (answers(400, "SendingPausedException"), "throttled"),
        (answers(400, "AccountSuspendedException"), "provider_unavailable"),
        (answers(403, "AccessDeniedException"), "provider_unavailable"),
        (answers(500, "InternalFailure"), "provider_unavailable"),
        (answers(503, "ServiceUnavailable"), "provider_unavailable"),
        (raises(ConnectTimeoutError(endpoint_url=URL)), "provider_unavailable"),
    ],
)
def test_what_was_certainly_not_sent_is_sent_later(
    stack: Services, account: UUID, ses: FakedSes, fault: Any, code: str
) -> None:
    ses.faults = [fault]
    message_id = stack.emails.send(account, draft())
    assert deliver(stack) == 0
    job = job_of(stack, message_id)
    assert (job.status, job.attempt, job.error_code, job.handed_over_at) == (JobStatus.QUEUED, 1, code, None)
    assert state(stack, account, message_id).error_code == code
    # Before its back-off is over it is not claimed.
    deliver(stack)
    assert len(ses.requests) == 1
    Rows(stack.database).change(JobRow, job.id, queued_at=job.created_at)
    deliver(stack)
    shown = state(stack, account, message_id)
    assert (shown.status, shown.attempts, shown.error_code) == (MessageStatus.SENT, 2, None)
    assert ses.recipients == [ADA]
    assert dead_letters(stack) == []


@pytest.mark.parametrize("code", ["MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"])
def test_what_ses_refuses_is_a_dead_letter_at_once(
    stack: Services, account: UUID, ses: FakedSes, rows: Rows, code: str
) -> None:
    ses.faults = [answers(400, code)]
    message_id = stack.emails.send(account, draft())
    deliver(stack)
    shown = state(stack, account, message_id)
    assert (shown.status, shown.error_code) == (MessageStatus.FAILED, "provider_refused")
    assert [letter.error_code for letter in dead_letters(stack)] == ["provider_refused"]
    assert rows.count(Circuit) == 0


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url=URL), ConnectionClosedError(endpoint_url=URL)])
def test_what_may_have_been_sent_is_not_sent_again(
    stack: Services, account: UUID, ses: FakedSes, error: Exception
) -> None:
    ses.faults = [raises(error)]
    message_id = stack.emails.send(account, draft())
    deliver(stack)
    deliver(stack)
    assert len(ses.requests) == 1
    shown = state(stack, account, message_id)
    assert (shown.status, shown.error_code) == (MessageStatus.FAILED, "outcome_unknown")
    assert [letter.error_code for letter in dead_letters(stack)] == ["outcome_unknown"]


@pytest.mark.parametrize("error", [OperationalError("INSERT", None, Exception("closed")), RuntimeError("a mistake")])
def test_an_unknown_outcome_stays_one_where_the_circuit_cannot_be_noted(
    stack: Services, account: UUID, ses: FakedSes, error: Exception
) -> None:
    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INTO circuits" in statement:
            raise error

    ses.faults = [raises(ReadTimeoutError(endpoint_url=URL))]
    stack.emails.send(account, draft())
    event.listen(stack.database.engine, "before_cursor_execute", fail)
    deliver(stack)
    assert [letter.error_code for letter in dead_letters(stack)] == ["outcome_unknown"]


def test_a_provider_that_keeps_failing_is_left_alone(stack: Services, account: UUID, ses: FakedSes) -> None:
    ses.faults = [answers(500, "InternalFailure")] * FAILURES
    for number in range(FAILURES + 1):
        stack.emails.send(account, draft(to=f"user{number}@example.com"))
    deliver(stack)
    assert len(ses.requests) == FAILURES
    with stack.database.read() as session:
        circuit = session.get_one(Circuit, of_provider("ses"))
        waiting = session.scalars(select(JobRow.attempt).where(JobRow.status == JobStatus.QUEUED)).all()
    assert circuit.open_until is not None
    # The last one was not tried, and that is no attempt.
    assert sorted(waiting) == [0, *[1] * FAILURES]


def half_open(stack: Services, name: str) -> None:
    """The circuit has been open for long enough: one may probe."""
    for _ in range(FAILURES):
        stack.circuits.failed(name, "away")
    Rows(stack.database).change(Circuit, name, open_until=utcnow() - timedelta(seconds=1))


@pytest.mark.parametrize("code", ["TooManyRequestsException", "MessageRejected"])
def test_a_probe_that_is_answered_at_all_closes_the_circuit(
    stack: Services, account: UUID, ses: FakedSes, code: str
) -> None:
    half_open(stack, of_provider("ses"))
    ses.faults = [answers(400, code)]
    stack.emails.send(account, draft())
    deliver(stack)
    assert len(ses.requests) == 1
    assert stack.circuits.troubled() == []


def test_who_waits_for_a_turn_has_not_taken_the_probe(environment: dict[str, str], ses: FakedSes) -> None:
    with wired(environment | {"MAIL_RATE": "0.1"}) as stack:
        account = Rows(stack.database).account()
        stack.emails.send(account, draft())
        deliver(stack)
        half_open(stack, of_provider("ses"))
        stack.emails.send(account, draft(to="bob@example.com"))
        deliver(stack)
        assert ses.recipients == [ADA]
        with stack.database.read() as session:
            assert session.get_one(Circuit, of_provider("ses")).probe_until is None


def away(stack: Services, ses: FakedSes, times: int) -> None:
    """The database is away for so many statements about the job, once the mail has left."""
    left = [OperationalError("UPDATE", None, Exception("failing over"))] * times

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if ses.recipients and statement.startswith("UPDATE jobs") and left:
            raise left.pop()

    event.listen(stack.database.engine, "before_cursor_execute", fail)


def test_a_database_that_is_away_for_a_moment_makes_no_dead_letter_of_what_was_sent(
    stack: Services, account: UUID, ses: FakedSes
) -> None:
    message_id = stack.emails.send(account, draft())
    away(stack, ses, times=2)
    deliver(stack)
    assert len(ses.requests) == 1
    assert state(stack, account, message_id).status == MessageStatus.SENT
    assert dead_letters(stack) == []


def test_what_was_sent_and_could_not_be_noted_is_found_by_the_providers_id(
    stack: Services,
    account: UUID,
    ses: FakedSes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(runs, "NOTING_SECONDS", 0)
    stack.emails.send(account, draft())
    away(stack, ses, times=1)
    deliver(stack)
    [provider_id] = [message.id for message in taken()]
    [letter] = dead_letters(stack)
    said = f"It was done (provider id {provider_id}), but that could not be noted: "
    assert letter.error_message.startswith(said)
    assert "failing over" in (letter.traceback or "")
    assert [vars(record)["provider_id"] for record in caplog.records if record.levelname == "ERROR"] == [provider_id]
    assert len(ses.requests) == 1


def test_a_mail_that_was_sent_already_is_not_counted_again(
    stack: Services, account: UUID, ses: FakedSes, capsys: pytest.CaptureFixture[str]
) -> None:
    message_id = stack.emails.send(account, draft())
    Rows(stack.database).change(MessageRow, message_id, status=MessageStatus.SENT)
    deliver(stack)
    assert ses.requests == []
    assert job_of(stack, message_id).status == JobStatus.SUCCEEDED
    names = {name for name, _ in metrics_in(capsys.readouterr().out)}
    assert "Attempts" in names
    assert "Sent" not in names


def test_a_message_that_is_gone_is_a_dead_letter(stack: Services, account: UUID, ses: FakedSes) -> None:
    message_id = stack.emails.send(account, draft())
    with stack.database.write() as work:
        work.session.delete(work.session.get_one(MessageRow, message_id))
    deliver(stack)
    assert ses.requests == []
    assert [letter.error_code for letter in dead_letters(stack)] == ["not_found"]


def test_what_no_function_of_this_queue_does_comes_again(stack: Services) -> None:
    assert stack
    body = json.dumps({"job_id": str(uuid4()), "name": "sms.send", "payload": {}})
    assert returned(send_email.handler(sqs(body, "garbage"), LambdaContext())) == 2


def test_bulk_yields_to_mail_of_one(environment: dict[str, str], ses: FakedSes) -> None:
    with wired(environment | {"MAIL_RATE": "1"}) as stack:
        account = Rows(stack.database).account()
        stack.emails.send(account, draft())
        stack.emails.send(account, draft(to="bob@example.com"))
        stack.emails.send_bulk(account, BulkDraft(["cy@example.com", "di@example.com", "ed@example.com"], "News", "x"))
        bulk, single = bodies(stack.database, SendBulkEmail), bodies(stack.database, SendEmail)
        # The first of the bulk takes what is free; mail to one waits for its slot and books it.
        send_email.handler(sqs(bulk[0], *single), LambdaContext())
        assert ses.recipients == ["cy@example.com", ADA, "bob@example.com"]


def test_bulk_that_finds_no_slot_is_put_off_and_that_is_no_attempt(environment: dict[str, str], ses: FakedSes) -> None:
    with wired(environment | {"MAIL_RATE": "0.1"}) as stack:
        account = Rows(stack.database).account()
        queued = stack.emails.send_bulk(account, BulkDraft([ADA, "bob@example.com"], "News", "x"))
        deliver(stack, SendBulkEmail)
        assert len(ses.requests) == 1
        with stack.database.read() as session:
            [job] = session.scalars(select(JobRow).where(JobRow.status == JobStatus.QUEUED))
            waits = select(OutboxRow.available_at).where(OutboxRow.job_id == job.id)
            assert max(session.scalars(waits)) == job.queued_at > utcnow() + timedelta(seconds=5)
        assert (job.attempt, job.error_code) == (0, None)
        assert state(stack, account, queued.message_id).status == MessageStatus.QUEUED


# --- through a mail server


def test_mail_leaves_through_a_mail_server_where_one_is_named(environment: dict[str, str], ses: FakedSes) -> None:
    with mail_server() as server, wired(environment | {"SMTP_URL": f"smtp://127.0.0.1:{server.port}"}) as stack:
        account = Rows(stack.database).account()
        message_id = stack.emails.send(account, draft())
        assert deliver(stack) == 0
        assert ses.requests == []
        [(sender, to, raw)] = server.taken
        assert (sender, to, parsed(raw)["Subject"]) == ("no-reply@twolane.example", ADA, "Grüße")
        assert state(stack, account, message_id).status == MessageStatus.SENT


def test_a_mail_server_that_hangs_up_with_the_mail_is_not_given_it_again(
    environment: dict[str, str], object_store: None
) -> None:
    del object_store
    with mail_server() as server, wired(environment | {"SMTP_URL": f"smtp://127.0.0.1:{server.port}"}) as stack:
        server.hangs_up = True
        stack.emails.send(Rows(stack.database).account(), draft())
        batch = sqs(*bodies(stack.database, SendEmail))
        for _ in range(3):
            send_email.handler(batch, LambdaContext())
        assert len(server.taken) == 1
        assert [letter.error_code for letter in dead_letters(stack)] == ["outcome_unknown"]


def test_a_mail_server_that_refuses_is_well(environment: dict[str, str], object_store: None) -> None:
    del object_store
    with mail_server() as server, wired(environment | {"SMTP_URL": f"smtp://127.0.0.1:{server.port}"}) as stack:
        account = Rows(stack.database).account()
        server.says["rcpt"] = "550 5.1.1 no such mailbox"
        for number in range(FAILURES + 1):
            stack.emails.send(account, draft(to=f"user{number}@example.com"))
        deliver(stack)
        assert [letter.error_code for letter in dead_letters(stack)] == ["provider_refused"] * (FAILURES + 1)
        assert Rows(stack.database).count(Circuit) == 0
