"""Text messages: accepted, and sent once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shared import metrics
from shared.adapters.sns import Sns
from shared.config import Sms as SmsSettings
from shared.contracts import SendSms
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import (
    ChannelUnavailable,
    NotFound,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    RecipientSuppressed,
    SpendCapReached,
    Throttled,
    TwolaneError,
)
from shared.models import MessageRow, utcnow
from shared.services import circuits
from shared.services.budgets import Budget, micros_of
from shared.services.circuits import Circuits
from shared.services.mail.addresses import phone_number
from shared.services.runs import Run
from shared.services.sms_text import Measured, measure
from shared.services.suppressions import refuse_suppressed, suppress
from shared.values import MessageKind, MessageStatus, SuppressedChannel

log = logging.getLogger(__name__)

CIRCUIT = circuits.of_provider("sns")

_WANTED = (SuppressedChannel.SMS,)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text message that is queued."""

    message_id: UUID
    measured: Measured


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """What the provider needs of a message."""

    phone: str
    text: str
    cost: int
    created_at: datetime


class TextMessages:
    """Accepts text messages, and sends them.

    Args:
        database: where they are.
        provider: what sends them.
        settings: whether, and for how much.
        clock: the time.
    """

    def __init__(
        self, database: Database, provider: Sns, settings: SmsSettings, clock: Callable[[], datetime] = utcnow
    ) -> None:
        self._database = database
        self._provider = provider
        self._enabled = settings.sms_enabled
        self._segment_micros = micros_of(settings.sms_segment_dollars)
        self._budget = Budget(database, "sms", micros_of(settings.sms_monthly_dollars))
        self._circuits = Circuits(database)
        self._clock = clock

    def check(self, to: str, text: str) -> Measured:
        """Tell how a text would travel, or why it would not; asks nobody outside.

        Raises:
            ChannelUnavailable: this deployment sends none.
            InvalidAddress: `to` is no phone number in E.164.
            MessageTooLarge: the text is too long.
            RecipientSuppressed: the number's owner wants no text messages.
            SpendCapReached: the month's budget has no room for it.
        """
        self._require_channel()
        phone_number(to)
        measured = measure(text)
        with self._database.read() as session:
            refuse_suppressed(session, _WANTED, to)
        self._budget.check(self._cost(measured.segments), self._clock())
        return measured

    def submit(self, account_id: UUID, to: str, text: str, message_id: UUID | None = None) -> Accepted:
        """Queue a text message.

        Args:
            account_id: who sends it.
            to: a phone number in E.164.
            text: what it says.
            message_id: the id it shall have; if there is one of this id already, that is the one.

        Raises:
            TwolaneError: as `check` says; nothing was stored.
        """
        new_id = message_id or uuid4()
        # What was accepted stays so, whatever the budget and the number's owner say since.
        if self._exists(new_id):
            return Accepted(new_id, measure(text))
        measured = self.check(to, text)
        try:
            with self._database.write() as work:
                _add(work, MessageRow(id=new_id, account_id=account_id, **_columns(to, text, measured)))
        except IntegrityError:
            # The same request, which another process is answering too, has made it.
            if not self._exists(new_id):
                raise
        return Accepted(new_id, measured)

    @staticmethod
    def queue(work: UnitOfWork, parent: MessageRow, to: str, text: str, key: str) -> UUID:
        """Queue a text message that is part of another, in the transaction that says so; a key that has one adds none.

        Raises:
            MessageTooLarge: the text is too long.
        """
        found = work.session.scalar(select(MessageRow.id).where(MessageRow.key == key))
        if found is not None:
            return found
        columns = _columns(to, text, measure(text))
        row = MessageRow(id=uuid4(), account_id=parent.account_id, key=key, parent_id=parent.id, **columns)
        _add(work, row)
        return row.id

    def deliver(self, message: SendSms, run: Run) -> None:
        """Send a text message, once.

        Raises:
            RecipientSuppressed: its recipient wants none.
            SpendCapReached: the month's budget has no room for it.
            CircuitOpen, ProviderUnavailable, Throttled: not now.
            ProviderRefused, ChannelUnavailable, NotFound: never.
            OutcomeUnknown: it may have been sent.
        """
        self._require_channel()
        outgoing = self._look(message.message_id)
        if outgoing is None:
            run.done_before = True
            with self._database.write() as work:
                run.complete(work.session)
            return
        with self._circuit():
            self._refuse_opted_out(outgoing.phone)
            provider_id = run.once(lambda: self._send(outgoing))
            run.note(lambda: self._note_sent(message.message_id, provider_id, outgoing.cost, run))
        run.measure(metrics.SENT_SECONDS, (utcnow() - outgoing.created_at).total_seconds())

    def _exists(self, message_id: UUID) -> bool:
        with self._database.read() as session:
            return session.get(MessageRow, message_id) is not None

    def _require_channel(self) -> None:
        if not self._enabled:
            message = "This deployment sends no text messages; its operator can turn them on with SMS_ENABLED."
            raise ChannelUnavailable(message)

    def _look(self, message_id: UUID) -> _Outgoing | None:
        """Look at the message; None where it was sent already."""
        with self._database.read() as session:
            row = session.get(MessageRow, message_id)
            if row is None or row.recipient is None:
                message = f"The message {message_id} is gone, and its account with it; nothing is left to do."
                raise NotFound(message)
            if row.status == MessageStatus.SENT:
                return None
            refuse_suppressed(session, _WANTED, row.recipient)
            cost = self._cost(row.segments or 1)
            return _Outgoing(row.recipient, row.content["text"], cost, row.created_at)

    def _refuse_opted_out(self, phone: str) -> None:
        """Ask SNS, which hears of every STOP, and remember what it says."""
        if not self._provider.opted_out(phone):
            return
        with self._database.write() as work:
            suppress(work.session, SuppressedChannel.SMS, phone, "opt_out")
        with self._database.read() as session:
            refuse_suppressed(session, _WANTED, phone)

    def _send(self, outgoing: _Outgoing) -> str:
        """Send it, if there is money for it; what certainly was not sent costs nothing.

        The money is reserved after the job was marked, so that who is lost in between reserves once: that job becomes
        a dead letter and is not repeated.
        """
        period = self._budget.reserve(outgoing.cost, self._clock())
        try:
            return self._provider.send(outgoing.phone, outgoing.text)
        except OutcomeUnknown:
            raise
        except TwolaneError:
            with _noting("money stays reserved that was not spent"):
                self._budget.release(outgoing.cost, period)
            raise

    def _note_sent(self, message_id: UUID, provider_id: str, cost: int, run: Run) -> None:
        with self._database.write() as work:
            # The job is locked before the message, as whoever gives one up does.
            run.complete(work.session)
            row = work.session.get(MessageRow, message_id, with_for_update=True)
            if row is not None:
                row.status, row.sent_at, row.provider_id = MessageStatus.SENT, utcnow(), provider_id
                row.cost_micros, row.error_code, row.error_message = cost, None, None

    @contextmanager
    def _circuit(self) -> Iterator[None]:
        """Leave SNS alone while it fails; an answer says that it works, be it a refusal or that it is busy.

        What the budget has no room for follows such an answer: that nobody has opted out.
        """
        self._circuits.enter(CIRCUIT)
        try:
            yield
        except (ProviderUnavailable, OutcomeUnknown) as error:
            with _noting("a failure of SNS is not counted"):
                self._circuits.failed(CIRCUIT, str(error))
            raise
        except (ProviderRefused, RecipientSuppressed, SpendCapReached, Throttled):
            with _noting("an answer of SNS is not counted"):
                self._circuits.succeeded(CIRCUIT)
            raise
        with _noting("an answer of SNS is not counted"):
            self._circuits.succeeded(CIRCUIT)

    def _cost(self, segments: int) -> int:
        return segments * self._segment_micros


@contextmanager
def _noting(what: str) -> Iterator[None]:
    """Let the failure that led here be the one that is told: whether the message may be sent again depends on it."""
    try:
        yield
    except TwolaneError as error:
        log.warning("%s: %s", what, error)


def _columns(to: str, text: str, measured: Measured) -> dict[str, object]:
    kind = MessageKind.SMS
    return {"kind": kind, "recipient": to, "content": {"text": text}, "segments": measured.segments}


def _add(work: UnitOfWork, row: MessageRow) -> None:
    work.session.add(row)
    work.session.flush()
    work.send(SendSms(message_id=row.id), key=f"{SendSms.name}:{row.id}")
