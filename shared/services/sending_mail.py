"""Mail: sent, once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from shared import metrics
from shared.config import Mail
from shared.contracts import SendBulkEmail, SendEmail
from shared.db.unit_of_work import Database
from shared.errors import (
    ChannelUnavailable,
    NotFound,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    RateExceeded,
    Throttled,
    TwolaneError,
)
from shared.models import MessageRow, utcnow
from shared.services import circuits
from shared.services.circuits import Circuits
from shared.services.enclosures import Enclosures
from shared.services.mail import mime
from shared.services.mail.addresses import mail_address
from shared.services.mail.render import render
from shared.services.rates import Rates
from shared.services.runs import Run
from shared.services.suppressions import BULK_MAIL, MAIL, refuse_suppressed
from shared.values import MessageStatus

log = logging.getLogger(__name__)

RATE = "mail"
"""The rate that all mail of a deployment leaves at."""

PATIENCE_SECONDS = 2.0
"""How long a mail waits within the function for its turn; it waits in its queue after that."""


class Transport(Protocol):
    """What mail leaves through: `shared.adapters.ses`, `shared.adapters.smtp`."""

    name: str

    def send(self, sender: str, to: str, raw: bytes) -> str | None:
        """Hand over a mail; return the provider's id of it, if it has one.

        Raises:
            OutcomeUnknown: it may be on its way.
            ProviderUnavailable: it was not taken; Throttled: not now.
            ProviderRefused: it never will be.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Due:
    """A message that is to be sent; `content` says what, be it its own or that of the bulk it is part of."""

    id: UUID
    to: str
    content: dict[str, Any]
    created_at: datetime


class SendingMail:
    """Sends mail.

    Args:
        database: where messages are.
        enclosures: attachments.
        transport: what mail leaves through.
        settings: the sender, and how many may leave in a second.
        unsubscribe_link: makes the link that ends bulk mail to an address; None where there can be none.
    """

    def __init__(
        self,
        database: Database,
        enclosures: Enclosures,
        transport: Transport,
        settings: Mail,
        unsubscribe_link: Callable[[str], str] | None = None,
    ) -> None:
        self._database = database
        self._enclosures = enclosures
        self._transport = transport
        self._settings = settings
        self._unsubscribe_link = unsubscribe_link
        self._circuits = Circuits(database)
        self._circuit = circuits.of_provider(transport.name)
        self._rates = Rates(database)

    def deliver(self, job: SendEmail | SendBulkEmail, run: Run) -> None:
        """Send a mail, once.

        Raises:
            RecipientSuppressed: its recipient is written to no more.
            InvalidAddress, InvalidHeader, MessageTooLarge, AttachmentMissing, TemplateUnknown,
                TemplateVariableMissing, ProviderRefused, ChannelUnavailable, NotFound: never.
            CircuitOpen, RateExceeded, ProviderUnavailable, Throttled, StorageUnavailable: not now.
            OutcomeUnknown: it may have been sent.
        """
        bulk = isinstance(job, SendBulkEmail)
        due = self._due(job.message_id, bulk=bulk)
        if due is None:
            run.done_before = True
            with self._database.write() as work:
                run.complete(work.session)
            return
        sender = self._sender()
        raw = mime.build(self._mail(due, sender, bulk=bulk))
        # The turn first: who waits for one must not hold the probe of a circuit meanwhile.
        self._wait_for_turn(bulk=bulk)
        self._circuits.enter(self._circuit)
        with self._noting_the_providers_health():
            provider_id = run.once(lambda: self._transport.send(sender, due.to, raw))
            run.note(lambda: self._note_sent(due.id, provider_id, run))
        run.measure(metrics.SENT_SECONDS, (utcnow() - due.created_at).total_seconds())

    def _due(self, message_id: UUID, *, bulk: bool) -> _Due | None:
        """Look at the message; None where it was sent already."""
        with self._database.read() as session:
            row = session.get(MessageRow, message_id)
            if row is None or row.recipient is None:
                message = f"The message {message_id} is gone, and its account with it; nothing is left to do."
                raise NotFound(message)
            if row.status == MessageStatus.SENT:
                return None
            refuse_suppressed(session, BULK_MAIL if bulk else MAIL, row.recipient)
            return _Due(row.id, mail_address(row.recipient), _content(session, row), row.created_at)

    def _sender(self) -> str:
        if self._settings.mail_from is None:
            message = "This deployment sends no mail; its operator can turn it on with MAIL_FROM."
            raise ChannelUnavailable(message)
        return self._settings.mail_from

    def _mail(self, due: _Due, sender: str, *, bulk: bool) -> mime.Mail:
        link = self._unsubscribe_link
        unsubscribe_url = link(due.to) if bulk and link else None
        subject, text, html = _said(due.content, unsubscribe_url)
        return mime.Mail(
            message_id=due.id,
            sender=sender,
            to=due.to,
            subject=subject,
            text=text,
            html=html,
            attachments=self._enclosures.fetch(due.content.get("attachments", []), text, html),
            unsubscribe_url=unsubscribe_url,
        )

    def _wait_for_turn(self, *, bulk: bool) -> None:
        """Wait for a slot of the rate. Mail to one books the next ones; bulk takes what is free when it asks.

        Raises:
            RateExceeded: none is free, or near enough.
        """
        if not bulk:
            self._rates.take(RATE, self._settings.mail_rate, PATIENCE_SECONDS)
            return
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._rates.take(RATE, self._settings.mail_rate, 0)
            except RateExceeded as taken:
                if time.monotonic() + taken.retry_after > deadline:
                    raise
                time.sleep(taken.retry_after)
            else:
                return

    @contextmanager
    def _noting_the_providers_health(self) -> Iterator[None]:
        """Tell the circuit how the provider is; who refuses one mail, or asks for a pause, is well.

        Whether the mail may be sent again depends on how sending ended, and on nothing that fails after it.
        """
        try:
            yield
        except (ProviderUnavailable, OutcomeUnknown) as error:
            with _not_in_the_way():
                self._circuits.failed(self._circuit, str(error))
            raise
        except (ProviderRefused, Throttled):
            with _not_in_the_way():
                self._circuits.succeeded(self._circuit)
            raise
        with _not_in_the_way():
            self._circuits.succeeded(self._circuit)

    def _note_sent(self, message_id: UUID, provider_id: str | None, run: Run) -> None:
        with self._database.write() as work:
            # The job before the message, as whoever gives one up does.
            run.complete(work.session)
            row = work.session.get(MessageRow, message_id, with_for_update=True)
            if row is None:
                return
            row.status, row.sent_at, row.provider_id = MessageStatus.SENT, utcnow(), provider_id
            row.error_code = row.error_message = None
            if "template" in row.content:
                # A token has no business here once its mail has left.
                row.content = {"template": row.content["template"]}


def _content(session: Session, row: MessageRow) -> dict[str, Any]:
    """What a message says: one of many says what all say."""
    if row.content or row.parent_id is None:
        return row.content
    return session.get_one(MessageRow, row.parent_id).content


def _said(content: dict[str, Any], unsubscribe_url: str | None) -> tuple[str, str, str | None]:
    """Subject, text and HTML."""
    if "template" not in content and unsubscribe_url is None:
        return content["subject"], content["text"], content["html"]
    if "template" not in content:
        # Mail to many ends with the link that ends it; HTML of the caller's own is left as it is.
        plain = render(
            "plain", {"subject": content["subject"], "body": content["text"]}, unsubscribe_url=unsubscribe_url
        )
        return plain.subject, plain.text, content["html"] or plain.html
    rendered = render(content["template"], content["variables"], unsubscribe_url=unsubscribe_url)
    return rendered.subject, rendered.text, rendered.html


@contextmanager
def _not_in_the_way() -> Iterator[None]:
    try:
        yield
    except TwolaneError as error:
        log.warning("how the provider is could not be noted: %s", error)
