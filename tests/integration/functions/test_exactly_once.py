"""Exactly once, or at most once and an open dead letter, whatever befalls the function that sends a mail.

Any interleaving of duplicate deliveries, deaths, freezes, lost answers and healing, with the real function, real
databases and moto's SES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from functions.send_email import handler as send_email
from shared.bootstrap import Services
from shared.config import Delivery
from shared.contracts import SendEmail
from shared.models import Circuit, DeadLetter, JobRow, JobStatus, MessageRow, OutboxRow, utcnow
from shared.services.drafts import Draft
from shared.services.relay import Relay
from shared.values import MessageStatus
from tests.support.light_lane import sqs
from tests.support.mishaps import Frozen, Mishap, Point, happen, point, watch
from tests.support.rows import Rows
from tests.support.ses import FakedSes, answers, raises

MESSAGES = 2
POINTS = 14
"""More than most runs pass, so that some meet no mishap."""

BEFORE_HAND_OVER = 4
"""The point between the last question to the database and the mark that the mail may be on its way."""

ROUNDS = 20
"""Enough for all attempts that a job may have."""


@dataclass(frozen=True)
class Deliver:
    """SQS gives a message to the function, for the first time or once more."""

    which: int
    dies_at: Point | None
    provider: str | None


@dataclass(frozen=True)
class Freeze:
    """The same, and the function stands still in the middle of it."""

    which: int
    freezes_at: Point
    dies_at: Point | None


@dataclass(frozen=True)
class Thaw:
    """The function that froze first goes on."""


@dataclass(frozen=True)
class Wait:
    """Leases run out, back-offs end, and circuits let one probe."""


@dataclass(frozen=True)
class Heal:
    """The relay runs."""


Step = Deliver | Freeze | Thaw | Wait | Heal

_WHICH = st.integers(0, MESSAGES - 1)
_POINT = st.integers(1, POINTS) | st.sampled_from(["send", "answer"])
_PROVIDER_DOES = st.sampled_from(["throttles", "fails", "answer is lost", "bug before", "bug after"])
"""To the next mail; a bug is one of ours, before the mail left or after it."""
STEPS = st.lists(
    st.one_of(
        st.builds(Deliver, _WHICH, st.none() | _POINT, st.none() | _PROVIDER_DOES),
        st.builds(Freeze, _WHICH, _POINT, st.none() | _POINT),
        st.builds(Thaw),
        st.builds(Wait),
        st.builds(Heal),
    ),
    max_size=9,
)


class World:
    """Some mails that are queued, and all that can befall them."""

    def __init__(self, stack: Services, ses: FakedSes) -> None:
        self._stack, self._ses = stack, ses
        self._frozen: list[Frozen] = []
        with stack.database.write() as work:
            # An open circuit is every example's: none is to begin with what the one before it left.
            work.session.execute(delete(Circuit))
        account = Rows(stack.database).account()
        self.recipients = [f"{uuid4().hex}@example.com" for _ in range(MESSAGES)]
        self.ids = [stack.emails.send(account, Draft(to, "Hello", "Hello")) for to in self.recipients]

    def take(self, step: Step) -> None:
        """Let one thing happen."""
        match step:
            case Deliver(which, dies_at, provider):
                self._meet(provider)
                happen(self.delivery(which), Mishap(dies_at))
                self._meet(None)
            case Freeze(which, freezes_at, dies_at):
                self._frozen.append(Frozen(self.delivery(which), Mishap(dies_at, freezes_at)))
            case Thaw():
                if self._frozen:
                    self._frozen.pop(0).thaw()
            case Wait():
                self._wait()
            case Heal():
                Relay(self._stack.database, self._stack.jobs, Delivery(), waiting=lambda: 0).run()

    def come_to_rest(self) -> None:
        """Let all that is frozen go on, and deliver and heal until every job is over."""
        while self._frozen:
            self.take(Thaw())
        for _ in range(ROUNDS):
            self._wait()
            self.take(Heal())
            if not self._open():
                return
            for which in self._open():
                self.take(Deliver(which, None, None))
        pytest.fail("jobs stay open")

    def check(self) -> None:
        """Hold each mail to what is promised."""
        for message_id, recipient in zip(self.ids, self.recipients, strict=True):
            sent = self._ses.recipients.count(recipient)
            status, job, entered = self._end_of(message_id)
            if status == MessageStatus.SENT:
                assert (sent, job, entered) == (1, JobStatus.SUCCEEDED, False)
            else:
                assert (status, job, entered) == (MessageStatus.FAILED, JobStatus.FAILED, True)
                assert sent <= 1

    def _end_of(self, message_id: UUID) -> tuple[MessageStatus, JobStatus, bool]:
        """The message's status, its job's, and whether that is an open dead letter."""
        with self._stack.database.read() as session:
            job = session.scalars(select(JobRow).where(JobRow.key == f"{SendEmail.name}:{message_id}")).one()
            letter = session.get(DeadLetter, job.id)
            status = session.get_one(MessageRow, message_id).status
        return status, job.status, letter is not None and letter.resolved_at is None

    def delivery(self, which: int) -> Callable[[], object]:
        """The function, given a message."""
        with self._stack.database.read() as session:
            key = f"{SendEmail.name}:{self.ids[which]}"
            job_id = session.scalars(select(JobRow.id).where(JobRow.key == key)).one()
        message = SendEmail(message_id=self.ids[which])
        body = f'{{"job_id": "{job_id}", "name": "{message.name}", "payload": {message.model_dump_json()}}}'
        return lambda: send_email.handler(sqs(body), LambdaContext())

    def _meet(self, provider: str | None) -> None:
        """Set what SES does to the next mail."""
        fault = _PROVIDER.get(provider or "")
        self._ses.faults = [fault] if fault else []

        def lose() -> None:
            point("answer")
            if provider == "answer is lost":
                raise ReadTimeoutError(endpoint_url="https://email.example")
            if provider == "bug after":
                raise ZeroDivisionError

        self._ses.afterwards = lose

    def _wait(self) -> None:
        past = utcnow() - timedelta(seconds=1)
        with self._stack.database.write() as work:
            leased = update(JobRow).where(JobRow.status == JobStatus.RUNNING)
            work.session.execute(leased.values(lease_until=past))
            work.session.execute(update(JobRow).where(JobRow.status == JobStatus.QUEUED).values(queued_at=past))
            work.session.execute(update(OutboxRow).values(available_at=past))
            opened = update(Circuit).where(Circuit.open_until.is_not(None))
            work.session.execute(opened.values(open_until=past, probe_until=None))

    def _open(self) -> list[int]:
        open_ids = [f"{SendEmail.name}:{message_id}" for message_id in self.ids]
        with self._stack.database.read() as session:
            keys = session.scalars(select(JobRow.key).where(JobRow.finished_at.is_(None), JobRow.key.in_(open_ids)))
            return [open_ids.index(key or "") for key in keys]


_PROVIDER: dict[str, Callable[[], Any]] = {
    "throttles": answers(429, "TooManyRequestsException"),
    "fails": answers(500, "InternalFailure"),
    "bug before": raises(ZeroDivisionError()),
}


@pytest.fixture
def watched(stack: Services, ses: FakedSes) -> Services:
    """The function's services, where each touch of database and provider is a point at which a run may end."""
    watch(stack.database.engine)
    ses.beforehand, ses.afterwards = (lambda: point("send")), (lambda: point("answer"))
    return stack


def test_the_points_at_which_a_run_may_end(watched: Services, ses: FakedSes) -> None:
    undisturbed = Mishap()
    happen(World(watched, ses).delivery(0), undisturbed)
    claim, look, circuit, hand_over, note = ["begin"] * 5
    assert undisturbed.passed == [claim, look, circuit, hand_over, "send", "answer", note, "commit", "begin"]
    assert undisturbed.passed.index("send") == BEFORE_HAND_OVER  # counted from 0 here, from 1 there


@settings(
    max_examples=80,
    deadline=None,
    database=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
# SES fails so often that its circuit opens; time passes, and it is asked again.
@example(
    [
        *(Deliver(0, None, "fails"), Deliver(1, None, "fails"), Wait()),
        *(Deliver(0, None, "fails"), Deliver(1, None, "fails"), Wait()),
        Deliver(0, None, "fails"),
    ]
)
# One runs while another is about to send; one that was given up sends all the same; both think it is theirs.
@example([Freeze(0, "send", None), Deliver(0, None, None)])
@example([Freeze(0, "send", None), Wait(), Heal(), Deliver(0, None, None)])
@example([Freeze(0, BEFORE_HAND_OVER, None), Wait(), Heal(), Deliver(0, None, None), Thaw()])
@example([Deliver(0, "answer", None), Wait(), Deliver(0, None, None), Heal(), Deliver(0, None, None)])
def test_a_mail_is_sent_exactly_once_or_is_an_open_dead_letter(
    watched: Services, ses: FakedSes, steps: list[Step]
) -> None:
    world = World(watched, ses)
    for step in steps:
        world.take(step)
    world.come_to_rest()
    world.check()
