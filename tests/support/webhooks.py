"""The way of an event to its receivers, from the bus to the function that delivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from sqlalchemy import select, update

from functions.deliver_webhook.handler import handler
from shared.bootstrap import Services
from shared.contracts import DeliverWebhook
from shared.models import Account, DeadLetter, Delivery, DeliveryAttempt, JobRow, JobStatus, Webhook, utcnow
from shared.services.webhooks import WithSecret
from tests.support.light_lane import bodies, sqs, wired


@contextmanager
def webhook_lane(database_url: str, *, networks: str = "127.0.0.2/32", seconds: float = 0.5) -> Iterator[WebhookLane]:
    """Services wired as in the function that delivers, with a key to sign with in moto's Secrets Manager.

    Args:
        database_url: of a migrated database.
        networks: of this machine that may be called.
        seconds: that a call may take.
    """
    secret = {"Name": f"signing {uuid4()}", "SecretString": '{"password": "the key of this stack"}'}
    environment = {
        "DATABASE_URL": database_url,
        "SIGNING_SECRET_ARN": boto3.client("secretsmanager").create_secret(**secret)["ARN"],
        "OUTBOUND_ALLOWED_NETWORKS": networks,
        "OUTBOUND_TIMEOUT_SECONDS": str(seconds),
        "MAIL_FROM": "Twolane <ocr@twolane.example>",
    }
    with wired(environment) as services:
        yield WebhookLane(services)


class WebhookLane:
    """Webhooks over services wired as in a function.

    Attributes:
        services: those.
        account: one with an address for mail.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.account = self.new_account("owner@example.com")

    def new_account(self, email: str | None = None) -> UUID:
        """Add an account."""
        row = Account(name=uuid4().hex, email=email)
        with self.services.database.write() as work:
            work.session.add(row)
        return row.id

    def subscribe(self, url: str, *events: str) -> WithSecret:
        """Subscribe a URL, to finished documents if nothing else is said."""
        return self.services.webhooks.create(self.account, url, events or ["document.completed"])

    def event(self, kind: str = "document.completed", **data: Any) -> dict[str, Any]:
        """An event of the account as the bus carries it."""
        return {
            "id": str(uuid4()),
            "type": kind,
            "version": 1,
            "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "account_id": str(self.account),
            "data": {"document_id": str(uuid4()), "filename": "Grüße.pdf", **data},
        }

    def tell(self, *details: dict[str, Any]) -> list[UUID]:
        """Let something happen; returns the ids of the deliveries that follow from it, oldest first."""
        before = {delivery.id for delivery in self.deliveries()}
        for detail in details or (self.event(),):
            self.services.fan_out.of_event(detail)
        return [delivery.id for delivery in self.deliveries() if delivery.id not in before]

    def run(self) -> None:
        """Let time pass until every open delivery is due, and try each once."""
        with self.services.database.write() as work:
            past = utcnow() - timedelta(seconds=1)
            work.session.execute(update(JobRow).where(JobRow.status == JobStatus.QUEUED).values(queued_at=past))
        messages = dict.fromkeys(bodies(self.services.database, DeliverWebhook))
        for start in range(0, len(messages), 10):
            assert handler(sqs(*list(messages)[start : start + 10]), LambdaContext()) == {"batchItemFailures": []}

    def deliveries(self) -> Sequence[Delivery]:
        """Every delivery, oldest first."""
        with self.services.database.read() as session:
            return session.scalars(select(Delivery).order_by(Delivery.created_at, Delivery.id)).all()

    def delivery(self, delivery_id: UUID) -> Delivery:
        """One delivery."""
        with self.services.database.read() as session:
            return session.get_one(Delivery, delivery_id)

    def attempts(self, delivery_id: UUID) -> Sequence[DeliveryAttempt]:
        """Its attempts."""
        query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id)
        with self.services.database.read() as session:
            return session.scalars(query.order_by(DeliveryAttempt.number)).all()

    def job(self, delivery_id: UUID) -> JobRow:
        """Its job."""
        with self.services.database.read() as session:
            return session.scalars(select(JobRow).where(JobRow.key == f"{DeliverWebhook.name}:{delivery_id}")).one()

    def webhook(self, webhook_id: UUID) -> Webhook:
        """A webhook, whoever's it is."""
        with self.services.database.read() as session:
            return session.get_one(Webhook, webhook_id)

    def dead_letters(self) -> dict[UUID, str]:
        """The codes of what was given up, by job."""
        with self.services.database.read() as session:
            return {row.id: row.error_code for row in session.scalars(select(DeadLetter))}
