"""Whatever happens to the function and to SNS, in whatever order: a text message is sent once, or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from functions.send_sms import handler as send_sms
from shared.adapters.queues import body_of
from shared.bootstrap import Services
from shared.contracts import SendSms
from shared.db.unit_of_work import as_message
from shared.models import Circuit, DeadLetter, JobRow, JobStatus, MessageRow, OutboxRow, Spend, utcnow
from shared.values import MessageStatus
from tests.support.light_lane import at_once, sqs, wired
from tests.support.rows import Rows
from tests.support.sns import FakedSns, Fault, answers, faked_sns, silent, unreachable

PHONE = "+4915112345678"
SEGMENT = 6450


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
    with wired({"SMS_ENABLED": "true", "DATABASE_URL": database_url}) as services:
        yield services


def killed() -> Any:
    """The process is gone."""
    raise SystemExit


class Life:
    """A text message, and what may happen to it."""

    def __init__(self, stack: Services, sns: FakedSns) -> None:
        self.stack, self.sns = stack, sns
        self.taken = 0
        sns.faults.clear()
        with stack.database.write() as work:
            for table in (Circuit, Spend, DeadLetter):
                work.session.execute(delete(table))
        self.text = str(uuid4())
        self.message_id = stack.sms.submit(Rows(stack.database).account(), PHONE, self.text).message_id
        self.event = sqs(self._body())

    def deliver(self, *faults: Fault) -> None:
        """SQS delivers the message, and SNS does so and so."""
        self.sns.faults["Publish"] = list(faults)
        try:
            send_sms.handler(self.event, LambdaContext())
        except SystemExit:
            return

    def deliver_thrice(self) -> None:
        """SQS delivers it three times at the same moment."""
        self.sns.faults.clear()
        at_once(send_sms.handler, self.event, times=3)

    def lose_before(self) -> None:
        """A function takes the job and is lost."""
        self.stack.jobs.claim_light(self._job().id)

    def taken_then(self, fault: Fault) -> Fault:
        """SNS takes the message, and this is what we hear of it."""

        def meet() -> Any:
            self.taken += 1
            return fault()

        return meet

    def pass_time(self) -> None:
        """Leases run out, back-offs end, circuits may be tried."""
        self.stack.jobs.release()
        self.stack.jobs.recover(10)
        with self.stack.database.write() as work:
            work.session.execute(delete(Circuit))
            work.session.execute(update(JobRow).where(JobRow.status == JobStatus.QUEUED).values(queued_at=utcnow()))

    @property
    def sent(self) -> int:
        """How often SNS took it."""
        return self.taken + [text for _, text in self.sns.published].count(self.text)

    def check(self) -> None:
        """Hold what there is now to the promise."""
        with self.stack.database.read() as session:
            row = session.get_one(MessageRow, self.message_id)
            letter = session.get(DeadLetter, self._job().id)
            spent = session.scalar(select(Spend.micros)) or 0
        assert self.sent <= 1
        if row.status == MessageStatus.SENT:
            assert (self.sent, letter, spent) == (1, None, SEGMENT)
        if row.status == MessageStatus.FAILED:
            assert letter is not None
            # What was sent is paid for, and what may have been.
            assert spent == SEGMENT if self.sent else spent in {0, SEGMENT}

    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self._job().status in {JobStatus.SUCCEEDED, JobStatus.FAILED}

    def _job(self) -> JobRow:
        with self.stack.database.read() as session:
            return session.scalars(select(JobRow).where(JobRow.key == f"{SendSms.name}:{self.message_id}")).one()

    def _body(self) -> str:
        job = self._job()
        with self.stack.database.read() as session:
            outbox = session.scalars(select(OutboxRow).where(OutboxRow.job_id == job.id)).one()
        return body_of(as_message(outbox, job))


STEPS: dict[str, Callable[[Life], None]] = {
    "delivered": Life.deliver,
    "delivered three times at once": Life.deliver_thrice,
    "function lost before it began": Life.lose_before,
    "function lost before SNS heard": lambda life: life.deliver(killed),
    "function lost after SNS heard": lambda life: life.deliver(life.taken_then(killed)),
    "answer lost": lambda life: life.deliver(life.taken_then(silent)),
    "question lost": lambda life: life.deliver(silent),
    "no connection": lambda life: life.deliver(unreachable),
    "throttled": lambda life: life.deliver(answers(429, "Throttled")),
    "SNS broken": lambda life: life.deliver(answers(500, "InternalError")),
    "refused": lambda life: life.deliver(answers(400, "InvalidParameter")),
    "time passes": Life.pass_time,
}


@given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_message_is_sent_once_or_is_a_dead_letter(stack: Services, sns: FakedSns, steps: list[str]) -> None:
    life = Life(stack, sns)
    for step in steps:
        STEPS[step](life)
        life.check()
    for _ in range(10):
        life.pass_time()
        life.deliver()
    life.check()
    assert life.over()
