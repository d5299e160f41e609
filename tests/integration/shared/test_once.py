"""Whatever the order of deliveries, crashes and the relay: sent once, or a dead letter, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config import Delivery, LightDelivery
from shared.contracts import SendEmail
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.errors import ProviderRefused, ProviderUnavailable
from shared.models import DeadLetter, JobRow, JobStatus, MessageRow, utcnow
from shared.services.jobs import Jobs
from shared.services.runs import Run, TakenOver
from shared.values import MessageStatus
from tests.support.databases import SqliteDatabases
from tests.support.outgoing import Outgoing
from tests.support.rows import Rows

STEPS = st.sampled_from(
    [
        *("done", "provider away", "provider refuses", "answer lost", "bug before", "bug after"),
        *("killed before", "killed in the middle", "killed after", "duplicate", "lease ends", "relay"),
        *("killed before, long ago", "killed in the middle, long ago", "killed after, long ago"),
    ]
)


class Killed(BaseException):
    """The function is no more; nothing after this runs."""


class Mail:
    """One mail, its provider, and what happens to the function that sends it.

    Attributes:
        sent: how often the provider has it.
    """

    def __init__(self, database: Database) -> None:
        self.rows, self.jobs = Rows(database), Jobs(database, Delivery(), LightDelivery())
        self.message_id = self.rows.message()
        self.job_id: UUID = self.rows.job(SendEmail(message_id=self.message_id))
        self.sent = 0

    def step(self, what: str) -> None:
        """Let one thing happen."""
        if what == "lease ends":
            self.rows.change(JobRow, self.job_id, lease_until=utcnow() - timedelta(seconds=1))
        elif what == "relay":
            self.jobs.recover(10)
        else:
            self.deliver(what)

    def deliver(self, what: str) -> None:
        """SQS gives the message, whatever became of it before; its back-off is over."""
        if self.rows.get_job(self.job_id).status == JobStatus.QUEUED:
            self.rows.change(JobRow, self.job_id, queued_at=utcnow())
        claim = self.jobs.claim_light(self.job_id)
        if claim is None:
            return
        run = Run(self.jobs, claim)
        try:
            self.send(run, what)
        except Killed:
            # Steps that end the lease as well come often enough to be followed by another delivery.
            if what.endswith("long ago"):
                self.step("lease ends")
        except TakenOver:
            return
        except Exception as error:  # noqa: BLE001  # as the functions do
            self.jobs.fail(claim, error)

    def send(self, run: Run, what: str) -> None:
        """The use case."""
        fail_if(what.startswith("killed before"), Killed())
        fail_if(what == "bug before", ZeroDivisionError())
        run.once(lambda: self.provider(what))
        fail_if(what.startswith("killed after"), Killed())
        with self.rows.database.write() as work:
            work.session.get_one(MessageRow, self.message_id).status = MessageStatus.SENT
            run.complete(work.session)

    def provider(self, what: str) -> None:
        """Takes it, or not."""
        fail_if(what == "provider away", ProviderUnavailable("away"))
        fail_if(what == "provider refuses", ProviderRefused("never"))
        fail_if(what.startswith("killed in the middle"), Killed())
        self.sent += 1
        fail_if(what in {"answer lost", "bug after"}, ConnectionResetError())

    @property
    def status(self) -> JobStatus:
        """Of its job."""
        return self.rows.get_job(self.job_id).status

    @property
    def is_dead_letter(self) -> bool:
        """Whether somebody sees that it was given up."""
        with self.rows.database.read() as session:
            return session.get(DeadLetter, self.job_id) is not None


def fail_if(so: bool, error: BaseException) -> None:  # noqa: FBT001  # reads as a sentence
    if so:
        raise error


@pytest.fixture(scope="module")
def sqlite(sqlite_databases: SqliteDatabases) -> Iterator[Database]:
    """One database for all examples; each has a mail of its own."""
    with sqlite_databases.migrated() as url:
        outgoing = Outgoing()
        database = Database(make_engine(url), outgoing, outgoing.take_light)
        yield database
        database.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_any_order_of_deliveries_crashes_and_relays_sends_once_or_shows_a_dead_letter(
    sqlite: Database, steps: list[str]
) -> None:
    mail = Mail(sqlite)
    for what in steps:
        mail.step(what)
        assert mail.sent <= 1
    # All is well from now on, and time passes.
    if mail.status == JobStatus.RUNNING:
        mail.step("lease ends")
    for what in ("relay", "duplicate", "done"):
        mail.step(what)
    assert mail.sent <= 1
    if mail.status == JobStatus.SUCCEEDED:
        assert (mail.sent, mail.is_dead_letter) == (1, False)
    else:
        assert (mail.status, mail.is_dead_letter) == (JobStatus.FAILED, True)
