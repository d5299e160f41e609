"""What every function of the light lane does around a job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import text

from functions._jobs import each_job
from infra.migrations.run import upgrade
from shared.bootstrap import Services, services
from shared.contracts import SendEmail, SendSms
from shared.errors import DatabaseUnavailable, OutcomeUnknown, ProviderRefused, ProviderUnavailable, RateExceeded
from shared.log import CORRELATION_ID
from shared.models import DeadLetter, JobRow, JobStatus, utcnow
from shared.services.runs import Run
from tests.support.rows import Rows
from tests.support.waiting import at_once


@pytest.fixture
def wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services wired from the environment, as in a function."""
    url = f"sqlite:///{tmp_path}/twolane.db"
    upgrade(url)
    monkeypatch.setenv("DATABASE_URL", url)
    services.cache_clear()
    wired = services()
    yield wired
    wired.database.close()
    services.cache_clear()


@pytest.fixture
def rows(wired: Services) -> Rows:
    return Rows(wired.database)


@pytest.fixture
def job_id(rows: Rows) -> UUID:
    """A mail that is to be sent."""
    return rows.job(SendEmail(message_id=rows.message()))


def message(job_id: UUID, **said: Any) -> dict[str, Any]:
    """What SQS gives; its id is the job's."""
    body = {"job_id": str(job_id), "name": "email.send", "payload": {"message_id": str(uuid4())}, **said}
    return {"messageId": str(job_id), "eventSource": "aws:sqs", "body": json.dumps(body)}


def do(use_case: Callable[[Any, Run], None], *messages: dict[str, Any]) -> list[str]:
    """Feed a function; returns the ids that come again."""
    answer = each_job({"Records": list(messages)}, LambdaContext(), "email", {SendEmail: use_case})
    return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def succeed(_: Any, run: Run) -> None:
    """Send, and write down that it was sent."""
    run.once(lambda: None)
    with services().database.write() as work:
        run.complete(work.session)


def raises(error: Exception) -> Callable[[Any, Run], None]:
    def fail(_: Any, __: Run) -> None:
        raise error

    return fail


def line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line of log with metrics."""
    written = [json.loads(one) for one in capsys.readouterr().out.splitlines() if one.startswith("{")]
    [found] = [one for one in written if "_aws" in one]
    return dict(found)


def test_a_job_is_done_and_one_line_tells_of_it(
    wired: Services, rows: Rows, job_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wired
    assert do(succeed, message(job_id, correlation_id="request-1")) == []
    assert rows.get_job(job_id).status == JobStatus.SUCCEEDED
    told = line(capsys)
    assert (told["message"], told["job"], told["job_id"], told["attempt"]) == ("sent", "email.send", str(job_id), 1)
    assert (told["correlation_id"], told["Channel"]) == ("request-1", "email")
    assert (told["Sent"], told["Attempts"]) == (1, 1)
    assert told["AttemptSeconds"] >= 0


def test_the_use_case_gets_its_message_and_the_request_it_follows_from(wired: Services, job_id: UUID) -> None:
    assert wired
    seen: list[Any] = []
    message_id = uuid4()
    do(
        lambda said, _: seen.append((said, CORRELATION_ID.get())),
        message(job_id, payload={"message_id": str(message_id)}, correlation_id="request-1"),
    )
    assert seen == [(SendEmail(message_id=message_id), "request-1")]
    assert not CORRELATION_ID.get()


def test_five_deliveries_of_a_message_at_once_do_it_once(wired: Services, rows: Rows, job_id: UUID) -> None:
    assert wired
    done: list[UUID] = []

    def send(_: Any, run: Run) -> None:
        run.once(lambda: done.append(run.claim.job_id))
        with services().database.write() as work:
            run.complete(work.session)

    assert at_once([partial(do, send, message(job_id))] * 5) == [[]] * 5
    assert done == [job_id]
    assert rows.get_job(job_id).status == JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ProviderUnavailable("away"), (JobStatus.QUEUED, "provider_unavailable", "SendsRetried")),
        (ProviderRefused("never"), (JobStatus.FAILED, "provider_refused", "SendsFailed")),
        (OutcomeUnknown("perhaps"), (JobStatus.FAILED, "outcome_unknown", "SendsFailed")),
        (RateExceeded("full"), (JobStatus.QUEUED, None, "SendsRetried")),
        (ZeroDivisionError("by zero"), (JobStatus.QUEUED, "ZeroDivisionError", "SendsRetried")),
    ],
)
def test_how_a_job_failed_is_written_down_and_its_message_is_done_with(
    rows: Rows,
    job_id: UUID,
    error: Exception,
    expected: tuple[JobStatus, str | None, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, code, metric = expected
    assert do(raises(error), message(job_id)) == []
    row = rows.get_job(job_id)
    assert (row.status, row.error_code) == (status, code)
    told = line(capsys)
    assert told[metric] == 1
    assert "Sent" not in told
    assert told["message"] == f"{status.value}: {error}"


def test_done_but_not_noted_is_a_dead_letter_and_not_done_again(rows: Rows, job_id: UUID) -> None:
    def send(_: Any, run: Run) -> None:
        run.once(lambda: None)
        raise DatabaseUnavailable("The database does not answer.")

    assert do(send, message(job_id)) == []
    assert (rows.get_job(job_id).status, rows.get_job(job_id).error_code) == (JobStatus.FAILED, "outcome_unknown")
    assert do(succeed, message(job_id)) == []
    assert rows.count(DeadLetter) == 1
    said = "It was done, but that could not be noted: The database does not answer."
    assert rows.get_job(job_id).error_message == said


def test_a_job_that_was_taken_over_is_left_alone(rows: Rows, job_id: UUID) -> None:
    def slow(_: Any, run: Run) -> None:
        rows.change(JobRow, job_id, lease_until=utcnow() - timedelta(seconds=1))
        run.once(lambda: pytest.fail("it is another's"))

    assert do(slow, message(job_id)) == []
    assert (rows.get_job(job_id).status, rows.count(DeadLetter)) == (JobStatus.RUNNING, 0)


def test_a_payload_that_is_none_is_a_mistake_of_ours_and_noted(rows: Rows, job_id: UUID) -> None:
    assert do(succeed, message(job_id, payload={"message_id": "nonsense"})) == []
    assert (rows.get_job(job_id).status, rows.get_job(job_id).error_code) == (JobStatus.QUEUED, "ValidationError")


def test_what_names_no_job_of_this_function_comes_again_and_the_others_do_not(rows: Rows, job_id: UUID) -> None:
    other = rows.job(SendSms(message_id=uuid4()))
    garbage = {"messageId": "garbage", "eventSource": "aws:sqs", "body": "{"}
    assert do(succeed, garbage, message(other, name="sms.send"), message(job_id)) == ["garbage", str(other)]
    assert rows.get_job(job_id).status == JobStatus.SUCCEEDED
    assert rows.get_job(other).status == JobStatus.QUEUED


def test_an_end_that_cannot_be_written_lets_the_message_come_again(wired: Services, rows: Rows, job_id: UUID) -> None:
    def fail(_: Any, __: Run) -> None:
        with wired.database.connect() as connection:
            connection.execute(text("ALTER TABLE dead_letters RENAME TO elsewhere"))
            connection.commit()
        raise ProviderRefused("never")

    assert do(fail, message(job_id)) == [str(job_id)]
    assert rows.get_job(job_id).status == JobStatus.RUNNING


def test_a_job_that_is_over_or_unknown_is_nothing_to_do(rows: Rows, job_id: UUID) -> None:
    rows.change(JobRow, job_id, status=JobStatus.CANCELLED)
    assert do(lambda *_: pytest.fail("not reached"), message(job_id), message(uuid4())) == []
