"""Settings -> wired services, once a process. Importing this module does nothing, and loads none of them.

A process loads what it uses when it first uses it: the relay never sees boto3, a question about a document never waits
for Celery.
"""

# ruff: noqa: PLC0415  # as said above: each service's code comes with the service

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import ValidationError

from shared.config import Broker as BrokerSettings
from shared.config import (
    ConfigurationError,
    Delivery,
    LightDelivery,
    LightLane,
    Limits,
    Mail,
    Outbound,
    Retention,
    Signing,
    Sms,
    Storage,
)
from shared.config import Database as DatabaseSettings
from shared.config import Doze as DozeSettings
from shared.errors import BrokerUnavailable

if TYPE_CHECKING:
    from shared.adapters.broker import Broker
    from shared.adapters.bus import Bus
    from shared.adapters.outbound_guard import Guard
    from shared.adapters.queues import Queues
    from shared.adapters.s3 import S3Store
    from shared.adapters.secrets import BrokerUrl
    from shared.db.unit_of_work import Database, Message
    from shared.models import EventRow
    from shared.services.accounts import Accounts
    from shared.services.alerts import Alerts
    from shared.services.batches import Batches
    from shared.services.census import Census
    from shared.services.circuits import Circuits
    from shared.services.costs import Costs
    from shared.services.dead_letter_list import DeadLetters
    from shared.services.dead_messages import DeadMessages
    from shared.services.deliveries import Deliveries
    from shared.services.delivery_log import DeliveryLog
    from shared.services.digests import Digests
    from shared.services.documents import Documents
    from shared.services.doze import Doze
    from shared.services.emails import Emails
    from shared.services.enclosures import Enclosures
    from shared.services.engines import Engines
    from shared.services.expectations import Expectations
    from shared.services.expiry import Expiry
    from shared.services.extractions import Extractions
    from shared.services.fan_out import FanOut
    from shared.services.feedback import Recorder
    from shared.services.idempotency import Idempotency
    from shared.services.jobs import Jobs
    from shared.services.keys import Keys
    from shared.services.ledger import Ledger
    from shared.services.messages import Messages
    from shared.services.monitoring import Monitoring
    from shared.services.notifications import Notifications
    from shared.services.outputs import Outputs
    from shared.services.pruning import Pruning
    from shared.services.quotes import Quotes
    from shared.services.rates import Rates
    from shared.services.relay import Relay
    from shared.services.reuse import Reuse
    from shared.services.sending_mail import SendingMail, Transport
    from shared.services.sms import TextMessages
    from shared.services.submission import Submission
    from shared.services.suppressions import Suppressions
    from shared.services.unsubscribing import Unsubscribing
    from shared.services.webhooks import Webhooks

log = logging.getLogger(__name__)


class Services:
    """Every service, made when first asked for with the settings it needs and no others."""

    @cached_property
    def _broker_url(self) -> BrokerUrl:
        """Where the broker is, for all that ask it."""
        from shared.adapters.secrets import BrokerUrl

        return BrokerUrl(BrokerSettings())

    @cached_property
    def broker(self) -> Broker:
        """The Celery broker."""
        from shared.adapters.broker import Broker

        return Broker(self._broker_url.get())

    @cached_property
    def store(self) -> S3Store:
        """The object store."""
        from shared.adapters.s3 import S3Store

        return S3Store(Storage().documents_bucket)

    @cached_property
    def database(self) -> Database:
        """The database, publishing to the broker."""
        from shared.adapters.secrets import database_url
        from shared.db.engine import make_engine
        from shared.db.unit_of_work import Database

        settings = DatabaseSettings()
        bus = LightLane().event_bus_name
        return Database(
            make_engine(database_url(settings), settings.database_pool_size),
            self._publish,
            self._publish_light,
            self._publish_events if bus else None,
        )

    @cached_property
    def queues(self) -> Queues:
        """The queues of the light lane that this process may send to."""
        from shared.adapters.queues import Queues

        return Queues(LightLane().light_queues)

    @cached_property
    def _bus(self) -> Bus:
        """The event bus; asked for only where there is one."""
        from shared.adapters.bus import Bus

        return Bus(LightLane().event_bus_name or "")

    def _publish_light(self, messages: Sequence[Message]) -> Collection[UUID]:
        """Send through queues that are made with the first message; what they do not take the relay sends."""
        taken: Collection[UUID] = ()
        try:
            taken = self.queues.publish(messages)
        except Exception:
            # Whatever was in the way, the work is committed: its caller must not be told that it failed.
            log.exception("messages of the light lane stay in the outbox until this is mended")
        if len(taken) < len(messages):
            self._end_doze()
        return taken

    def _publish_events(self, events: Sequence[EventRow]) -> Collection[UUID]:
        """Tell the bus, which is made with the first event; what it does not take the relay tells it."""
        taken: Collection[UUID] = ()
        try:
            taken = self._bus.publish(events)
        except Exception:
            log.exception("events stay in the database until this is mended")
        if len(taken) < len(events):
            self._end_doze()
        return taken

    def _end_doze(self) -> None:
        """Something waits for the relay: remove the note that nothing does, where this process can reach Redis."""
        try:
            url = self._broker_url.get()

            from shared.adapters.doze import DozeNote

            DozeNote(url).remove()
        except (ValidationError, ConfigurationError):
            return  # a process that knows of no broker, or may not read its secret
        except BrokerUnavailable as error:
            log.warning("what was left behind may have to wait for the end of the doze: %s", error)
        except Exception:
            # As above: what was in the way must not be told as a failure of what is committed.
            log.exception("what was left behind may have to wait for the end of the doze")

    def _publish(self, message: Message) -> None:
        """Send through a broker that is made with the first message: who only reads needs none.

        Raises:
            BrokerUnavailable: whatever was in the way, for the work is committed and the relay will send its message.
        """
        try:
            self.broker.send(message)
        except BrokerUnavailable:
            raise
        except Exception as error:
            log.exception("a message stays in the outbox until this is mended")
            text = f"The broker can't be used: {error}"
            raise BrokerUnavailable(text) from error

    @cached_property
    def keys(self) -> Keys:
        """API keys."""
        from shared.services.keys import Keys

        return Keys(self.database)

    @cached_property
    def idempotency(self) -> Idempotency:
        """First answers."""
        from shared.services.idempotency import Idempotency

        return Idempotency(self.database)

    @cached_property
    def engines(self) -> Engines:
        """The register of engines."""
        from shared.services.engines import Engines

        return Engines(self.database)

    @cached_property
    def submission(self) -> Submission:
        """The way in."""
        from shared.services.submission import Submission

        return Submission(self.database, self.store, self.engines, Limits(), self._guard)

    @cached_property
    def batches(self) -> Batches:
        """Batches of documents."""
        from shared.services.batches import Batches
        from shared.services.rereading import Rereading

        rereading = Rereading(self.database, self.store, self.submission, self.engines)
        return Batches(self.database, self.submission, rereading, self.engines, self._guard)

    @cached_property
    def costs(self) -> Costs:
        """What reading took and cost."""
        from shared.services.costs import Costs, Tariff

        return Costs(self.database, Tariff.configured())

    @cached_property
    def quotes(self) -> Quotes:
        """What reading would take and cost."""
        from shared.services.quotes import Quotes

        return Quotes(self.database, self.store, self.engines, Limits())

    @cached_property
    def expectations(self) -> Expectations:
        """What quotes are reckoned from."""
        from shared.services.costs import Tariff
        from shared.services.expectations import Expectations

        return Expectations(self.database, Tariff.configured())

    @cached_property
    def documents(self) -> Documents:
        """Documents of an account."""
        from shared.services.documents import Documents

        return Documents(self.database, self.store)

    @cached_property
    def reuse(self) -> Reuse:
        """Pages that were read before."""
        from shared.services.reuse import Reuse

        return Reuse(self.database, self.store)

    @cached_property
    def outputs(self) -> Outputs:
        """Outputs of documents."""
        from shared.services.outputs import Outputs

        return Outputs(self.database, self.store)

    @cached_property
    def ledger(self) -> Ledger:
        """The page ledger."""
        from shared.services.ledger import Ledger

        return Ledger(self.database)

    @cached_property
    def extractions(self) -> Extractions:
        """Fields of invoices and receipts."""
        from shared.services.extractions import Extractions

        return Extractions(self.database)

    @cached_property
    def jobs(self) -> Jobs:
        """The life of a job."""
        from shared.services.jobs import Jobs

        return Jobs(self.database, Delivery(), LightDelivery())

    @cached_property
    def circuits(self) -> Circuits:
        """The circuit breakers."""
        from shared.services.circuits import Circuits

        return Circuits(self.database)

    @cached_property
    def rates(self) -> Rates:
        """The rates that are held."""
        from shared.services.rates import Rates

        return Rates(self.database)

    @cached_property
    def signing_key(self) -> bytes:
        """The key that secrets are derived from.

        Raises:
            ConfigurationError: there is none here.
            QueueUnavailable: it can't be read now.
        """
        from shared.adapters.secrets import signing_key

        return signing_key(Signing())

    @cached_property
    def accounts(self) -> Accounts:
        """Accounts' contacts."""
        from shared.services.accounts import Accounts

        return Accounts(self.database)

    @cached_property
    def sms(self) -> TextMessages:
        """Text messages."""
        from shared.adapters.sns import Sns
        from shared.services.sms import TextMessages

        settings = Sms()
        return TextMessages(self.database, Sns(settings.sms_sender_id), settings)

    @cached_property
    def notifications(self) -> Notifications:
        """Notifications and inboxes."""
        from shared.services.notifications import Notifications

        return Notifications(self.database, self.sms, mails=Mail().mail_from is not None)

    @cached_property
    def digests(self) -> Digests:
        """Mail by the week and by the month."""
        from shared.services.digests import Digests

        return Digests(self.database, Mail())

    @cached_property
    def alerts(self) -> Alerts:
        """Mail to who operates this."""
        from shared.services.alerts import Alerts

        return Alerts(self.database, Mail(), self.doze)

    @cached_property
    def expiry(self) -> Expiry:
        """Documents that are kept no longer."""
        from shared.services.expiry import Expiry

        return Expiry(self.database)

    @cached_property
    def pruning(self) -> Pruning:
        """Whatever is over long ago."""
        from datetime import timedelta

        from shared.services.pruning import Pruning

        return Pruning(self.database, timedelta(days=Retention().retention_days))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """The list of dead letters."""
        from shared.services.dead_letter_list import DeadLetters

        return DeadLetters(self.database, self.queues)

    @cached_property
    def dead_messages(self) -> DeadMessages:
        """What enters the list from dead-letter queues."""
        from shared.services.dead_messages import DeadMessages

        return DeadMessages(self.database, self.jobs)

    @cached_property
    def monitoring(self) -> Monitoring:
        """What is going on."""
        from shared.services.monitoring import Monitoring

        # Asked for late: the way to the broker may be what is missing, then that is told, and the rest as well.
        return Monitoring(self.database, lambda: self.broker.fleets(), self.circuits)  # noqa: PLW0108

    @cached_property
    def _enclosures(self) -> Enclosures:
        """What is attached to mails."""
        from shared.services.enclosures import Enclosures

        return Enclosures(self.database, self.store)

    @cached_property
    def emails(self) -> Emails:
        """Mail, as it is accepted."""
        from shared.services.emails import Emails

        return Emails(self.database, self._enclosures, Mail())

    @cached_property
    def sending_mail(self) -> SendingMail:
        """Mail, as it is sent."""
        from shared.services.sending_mail import SendingMail

        signs = Signing().public_url and Signing().signing_secret_arn
        link = self._unsubscribe_link if signs else None
        return SendingMail(self.database, self._enclosures, self._transport(), Mail(), link)

    @staticmethod
    def _transport() -> Transport:
        """What mail leaves through: a mail server where one is named, else SES."""
        settings = Mail()
        if settings.smtp_url:
            from shared.adapters.smtp import Smtp

            return Smtp(settings.smtp_url)
        from shared.adapters.ses import Ses

        return Ses(settings.ses_configuration_set)

    def _unsubscribe_link(self, address: str) -> str:
        """The link that ends bulk mail to an address."""
        from shared.services.unsubscribing import link

        return link(self.signing_key, Signing().public_url or "", address)

    @cached_property
    def unsubscribing(self) -> Unsubscribing:
        """Links that end bulk mail."""
        from shared.services.unsubscribing import Unsubscribing

        return Unsubscribing(self.database, (lambda: self.signing_key) if Signing().signing_secret_arn else None)

    @cached_property
    def suppressions(self) -> Suppressions:
        """Who is written to no more."""
        from shared.services.suppressions import Suppressions

        return Suppressions(self.database)

    @cached_property
    def messages(self) -> Messages:
        """How far messages are."""
        from shared.services.messages import Messages

        return Messages(self.database)

    @cached_property
    def feedback(self) -> Recorder:
        """What becomes of mail after it left."""
        from shared.services.feedback import Recorder

        return Recorder(self.database)

    @cached_property
    def _guard(self) -> Guard:
        """Which URLs are called from here."""
        from shared.adapters.outbound_guard import Guard

        return Guard(Outbound().outbound_allowed_networks)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Subscriptions."""
        from shared.services.webhooks import Webhooks

        return Webhooks(self.database, self._guard, lambda: self.signing_key)

    @cached_property
    def delivery_log(self) -> DeliveryLog:
        """What became of deliveries."""
        from shared.services.delivery_log import DeliveryLog

        return DeliveryLog(self.database)

    @cached_property
    def fan_out(self) -> FanOut:
        """From events to deliveries."""
        from shared.services.fan_out import FanOut

        return FanOut(self.database)

    @cached_property
    def deliveries(self) -> Deliveries:
        """The way of a delivery to its receiver."""
        from shared.adapters.outbound import Outbound as WayOut
        from shared.services.deliveries import Deliveries

        return Deliveries(self.database, self.circuits, WayOut(Outbound()), lambda: self.signing_key)

    @cached_property
    def doze(self) -> Doze:
        """Whether the database may be left alone."""
        from shared.adapters.doze import DozeNote
        from shared.services.doze import Doze

        return Doze(self.database, DozeNote(self._broker_url.get()), DozeSettings().database_doze_seconds)

    @cached_property
    def relay(self) -> Relay:
        """The healer."""
        from shared.services.relay import Relay

        return Relay(self.database, self.jobs, Delivery(), self.broker.waiting, self.doze)

    @cached_property
    def census(self) -> Census:
        """Counts for the metrics."""
        from shared.services.census import Census

        return Census(self.database, self.broker, self.doze)

    def close(self) -> None:
        """Close what is open of all that was made; the next use opens it again."""
        for name in ("database", "broker", "store"):
            if name in self.__dict__:
                getattr(self, name).close()


@cache
def services() -> Services:
    """The services of this process."""
    return Services()


def forget() -> None:
    """Close every client and forget it, with the secrets it was made from; the next use makes it anew."""
    services().close()
    services.cache_clear()


def abandon() -> None:
    """Forget every client without closing it: after a fork, open connections are the parent's."""
    made = services()
    if "database" in made.__dict__:
        made.database.engine.dispose(close=False)
    services.cache_clear()
