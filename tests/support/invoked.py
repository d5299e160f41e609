"""The stores that functions work on when `sam local` runs them, and what they need to send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
from sqlalchemy import func, select

from infra.local.layout import PROJECT
from infra.local.state import REGION
from shared.adapters.broker import Broker
from shared.db.engine import make_engine
from shared.db.unit_of_work import Database
from shared.models import Document, OutboxRow
from shared.services.keys import Keys, NewKey
from tests.support.bridge import Bridge
from tests.support.object_store import ObjectStoreServer
from tests.support.outgoing import Outgoing
from tests.support.redis import RedisServer
from tests.support.sam import Invocation, SamLocal, functions_of

FUNCTIONS = functions_of(PROJECT / "template.yaml")


@dataclass(slots=True)
class Stores:
    """What the functions work on, seen from outside."""

    database: Database
    redis: RedisServer
    objects: ObjectStoreServer
    broker: Broker
    sam: SamLocal

    def invoke(self, folder: str, event: dict[str, Any], what: str = "") -> Invocation:
        """Call the function that lives in `functions/FOLDER`."""
        return self.sam.invoke(FUNCTIONS[folder], event, what)

    def key(self) -> NewKey:
        """A new user's key."""
        return Keys(self.database).create(account="someone", name="test", role="user")

    def document(self, document_id: str) -> Document:
        """A document as it is now."""
        with self.database.read() as session:
            return session.scalars(select(Document).where(Document.id == UUID(document_id))).one()

    def stored(self, document_id: str) -> list[str]:
        """The keys of a document's objects."""
        keys = self.objects.keys()
        return [key for key in keys if document_id in key]

    def left_in_outbox(self) -> int:
        """Count the messages that no broker has taken."""
        with self.database.read() as session:
            return session.scalars(select(func.count()).select_from(OutboxRow)).one()


def sending(endpoint_url: str) -> dict[str, str]:
    """What functions need to send: an identity of SES and a key in the moto server; what they queue waits."""
    make: Any = boto3.client
    aws = {"endpoint_url": endpoint_url, "region_name": REGION}
    aws |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    make("sesv2", **aws).create_email_identity(EmailIdentity="twolane.example")
    key = make("secretsmanager", **aws).create_secret(Name=str(uuid4()), SecretString='{"password": "key"}')
    return {
        **dict.fromkeys(("LIGHT_QUEUES", "EVENT_BUS_NAME", "SMTP_URL", "SES_CONFIGURATION_SET"), ""),
        "MAIL_FROM": "Twolane <ocr@twolane.example>",
        "MAIL_RATE": "0",
        "SMS_ENABLED": "true",
        "SIGNING_SECRET_ARN": key["ARN"],
        "OUTBOUND_ALLOWED_NETWORKS": f"{Bridge().address}/32",
    }


@contextmanager
def opened(directory: Path, url: str) -> Iterator[Stores]:
    """Stores and sam in front of them, for as long as the block lasts.

    Args:
        directory: for files and logs.
        url: of a migrated database.
    """
    redis, objects = RedisServer(directory), ObjectStoreServer()
    redis.start()
    objects.start()
    engine = make_engine(url)
    variables = {"DATABASE_URL": url, "REDIS_URL": redis.url, "STACK_NAME": "recorded", "RELAY_GRACE_SECONDS": "0"}
    variables |= sending(objects.environment["AWS_ENDPOINT_URL"])
    try:
        with SamLocal(directory, {**variables, **objects.environment}) as sam:
            yield Stores(Database(engine, Outgoing()), redis, objects, Broker(redis.url), sam)
    finally:
        engine.dispose()
        objects.stop()
        redis.kill()
