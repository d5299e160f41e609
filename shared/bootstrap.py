"""Settings -> wired services, once a process. Importing this module does nothing."""

from __future__ import annotations

from functools import cache, cached_property

from shared.adapters.broker import Broker
from shared.adapters.s3 import S3Store
from shared.adapters.secrets import database_url, redis_url
from shared.config import Broker as BrokerSettings
from shared.config import Database as DatabaseSettings
from shared.config import Delivery, Limits, Storage
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database, Message
from shared.services.documents import Documents
from shared.services.engines import Engines
from shared.services.idempotency import Idempotency
from shared.services.jobs import Jobs
from shared.services.keys import Keys
from shared.services.ledger import Ledger
from shared.services.relay import Relay
from shared.services.submission import Submission


class Services:
    """Every service, made when first asked for with the settings it needs and no others."""

    @cached_property
    def broker(self) -> Broker:
        """The Celery broker."""
        return Broker(redis_url(BrokerSettings()))

    @cached_property
    def store(self) -> S3Store:
        """The object store."""
        return S3Store(Storage().documents_bucket)

    @cached_property
    def database(self) -> Database:
        """The database, publishing to the broker."""
        settings = DatabaseSettings()
        return Database(make_engine(database_url(settings), settings.database_pool_size), self._publish)

    def _publish(self, message: Message) -> None:
        """Send through a broker that is made with the first message: who only reads needs none."""
        self.broker.send(message)

    @cached_property
    def keys(self) -> Keys:
        """API keys."""
        return Keys(self.database)

    @cached_property
    def idempotency(self) -> Idempotency:
        """First answers."""
        return Idempotency(self.database)

    @cached_property
    def engines(self) -> Engines:
        """The register of engines."""
        return Engines(self.database)

    @cached_property
    def submission(self) -> Submission:
        """The way in."""
        return Submission(self.database, self.store, self.engines, Limits())

    @cached_property
    def documents(self) -> Documents:
        """Documents of an account."""
        return Documents(self.database, self.store)

    @cached_property
    def ledger(self) -> Ledger:
        """The page ledger."""
        return Ledger(self.database)

    @cached_property
    def jobs(self) -> Jobs:
        """The life of a job."""
        return Jobs(self.database, Delivery())

    @cached_property
    def relay(self) -> Relay:
        """The healer."""
        return Relay(self.database, self.jobs, Delivery(), self.broker.waiting)


@cache
def services() -> Services:
    """The services of this process."""
    return Services()
