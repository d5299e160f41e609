"""One event becomes one delivery for each webhook that wants it, and one for the callback of its document."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from shared.contracts import DeliverWebhook
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import InvalidEvent
from shared.events import EVENTS
from shared.models import Delivery, Document, Webhook
from shared.services.webhooks import callbacks_of
from shared.values import DeliveryStatus


class EventDetail(BaseModel):
    """An event as the bus carries it, as far as this needs to know; fields may be added within a version."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    type: str
    version: Literal[1]
    occurred_at: datetime
    account_id: UUID
    data: dict[str, Any]


class FanOut:
    """Passes events on to those who subscribed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_event(self, detail: dict[str, Any]) -> int:
        """Queue the deliveries of an event; told twice, it is delivered once.

        Args:
            detail: as `shared.adapters.bus.envelope` makes it.

        Returns:
            How many deliveries are new.

        Raises:
            InvalidEvent: it is none of this version, or of no type that is known here.
            DatabaseUnavailable: try again.
        """
        event, body = _read(detail), as_body(detail)
        with self._database.write() as work:
            query = select(Webhook).where(Webhook.account_id == event.account_id, Webhook.enabled)
            webhooks = work.session.scalars(query.where(Webhook.url.is_not(None)).order_by(Webhook.id)).all()
            wanted = [(webhook, webhook.url) for webhook in webhooks if event.type in webhook.events]
            wanted += _callback(work, event)
            made = [
                queue_delivery(work, webhook, url or "", (event.id, event.type, body), f"{event.id}:{webhook.id}")
                for webhook, url in wanted
            ]
        return sum(made)


def queue_delivery(  # noqa: PLR0913  # everything a delivery has
    work: UnitOfWork,
    webhook: Webhook,
    url: str,
    event: tuple[UUID, str, str],
    key: str,
    *,
    delivery_id: UUID | None = None,
    replay_of: UUID | None = None,
) -> bool:
    """Write a delivery and its job, unless one has the key; the message leaves after the commit.

    Args:
        work: the caller's transaction.
        webhook: whose secrets sign it.
        url: where it goes.
        event: id, type, and the body as it will be sent.
        key: unique name of the effect.
        delivery_id: its id; a new one if not given.
        replay_of: the delivery that it repeats.
    """
    event_id, event_type, body = event
    columns = {
        "id": delivery_id or uuid4(),
        "webhook_id": webhook.id,
        "account_id": webhook.account_id,
        "key": key,
        "event_id": event_id,
        "event_type": event_type,
        "url": url,
        "body": body,
        "status": DeliveryStatus.PENDING,
        "replay_of": replay_of,
    }
    insert = postgresql.insert if work.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Delivery).values(columns).on_conflict_do_nothing(index_elements=[Delivery.key])
    made = work.session.scalar(statement.returning(Delivery.id))
    if made is None:
        return False
    work.send(DeliverWebhook(delivery_id=made), key=f"{DeliverWebhook.name}:{made}")
    return True


def as_body(detail: dict[str, Any]) -> str:
    """What is signed and sent, in ASCII: no store and no proxy on its way changes a byte of it."""
    return json.dumps(detail, separators=(",", ":"))


def _read(detail: dict[str, Any]) -> EventDetail:
    try:
        event = EventDetail.model_validate(detail)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, item["loc"])) for item in error.errors(include_input=False))
        raise InvalidEvent(f"This is no event of version 1: see its {wrong}.") from None
    if event.type not in EVENTS:
        raise InvalidEvent(f"There is no event {event.type[:60]!a}; there are {', '.join(EVENTS)}.")
    return event


def _callback(work: UnitOfWork, event: EventDetail) -> list[tuple[Webhook, str | None]]:
    """The callback of the document that the event is of, if it has one."""
    if not event.type.startswith("document."):
        return []
    try:
        document_id = UUID(str(event.data.get("document_id")))
    except ValueError:
        raise InvalidEvent(f"The event {event.id} names no document.") from None
    document = work.session.get(Document, document_id)
    if document is None or document.account_id != event.account_id or document.callback_url is None:
        return []
    return [(callbacks_of(work.session, event.account_id), document.callback_url)]
