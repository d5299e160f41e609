"""What every service stands on: database, broker, store, queues, bus."""

# ruff: noqa: PLC0415  # each service's code comes with the service, as `shared.bootstrap` says

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import ValidationError

from shared.config import Broker as BrokerSettings
from shared.config import ConfigurationError, Delivery, LightDelivery, LightLane, Outbound, Signing, Storage
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
    from shared.services.circuits import Circuits
    from shared.services.doze import Doze
    from shared.services.idempotency import Idempotency
    from shared.services.jobs import Jobs
    from shared.services.keys import Keys
    from shared.services.rates import Rates

log = logging.getLogger(__name__)


class Connections:
    """What every service stands on: database, broker, store, queues, bus."""

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
    def signing_key(self) -> bytes:
        """The key that secrets are derived from.

        Raises:
            ConfigurationError: there is none here.
            QueueUnavailable: it can't be read now.
        """
        from shared.adapters.secrets import signing_key

        return signing_key(Signing())

    @cached_property
    def _guard(self) -> Guard:
        """Which URLs are called from here."""
        from shared.adapters.outbound_guard import Guard

        return Guard(Outbound().outbound_allowed_networks)

    @cached_property
    def doze(self) -> Doze:
        """Whether the database may be left alone."""
        from shared.adapters.doze import DozeNote
        from shared.services.doze import Doze

        return Doze(self.database, DozeNote(self._broker_url.get()), DozeSettings().database_doze_seconds)

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
    def accounts(self) -> Accounts:
        """Accounts' contacts."""
        from shared.services.accounts import Accounts

        return Accounts(self.database)

    def close(self) -> None:
        """Close what is open of all that was made; the next use opens it again."""
        for name in ("database", "broker", "store"):
            if name in self.__dict__:
                getattr(self, name).close()
