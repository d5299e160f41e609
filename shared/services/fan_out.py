"""One event becomes one delivery for each webhook that wants it, and one for the callback of its document."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.contracts import DeliverWebhook
from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database, UnitOfWork
from shared.errors import InvalidEvent, WebhookDisabled
from shared.events import EVENTS
from shared.models import Delivery, Document, Webhook, utcnow
from shared.services.webhooks import callbacks_of
from shared.values import DeliveryStatus

MOST_MISSED = 1000
"""Events that the log of a disabled webhook keeps, the first ones: nobody may be there to enable it ever again."""


class EventDetail(BaseModel):
    """An event as the bus carries it, as far as this needs to know; fields may be added within a version."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

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

        What a disabled webhook misses is logged as failed, to be replayed.

        Args:
            detail: as `shared.adapters.bus.envelope` makes it.

        Returns:
            How many deliveries are new and on their way.

        Raises:
            InvalidEvent: it is none of this version, or of no type that is known here.
            DatabaseUnavailable: try again.
        """
        event, body = _read(detail), as_body(detail)
        told = (event.id, event.type, body)
        with self._database.write() as work:
            query = select(Webhook).where(Webhook.account_id == event.account_id, Webhook.url.is_not(None))
            webhooks = work.session.scalars(query.order_by(Webhook.id)).all()
            wanted = [(webhook, webhook.url) for webhook in webhooks if event.type in webhook.events]
            for webhook, url in wanted:
                if not webhook.enabled:
                    _note_missed(work.session, webhook, url or "", told)
            made = [
                queue_delivery(work, webhook, url or "", told, f"{event.id}:{webhook.id}")
                for webhook, url in wanted + _callback(work, event)
                if webhook.enabled
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
    given = {"id": delivery_id or uuid4(), "key": key, "status": DeliveryStatus.PENDING, "replay_of": replay_of}
    made = _insert(work.session, webhook, url, event, given)
    if made is None:
        return False
    work.send(DeliverWebhook(delivery_id=made), key=f"{DeliverWebhook.name}:{made}")
    return True


def _note_missed(session: Session, webhook: Webhook, url: str, event: tuple[UUID, str, str]) -> None:
    """Log what a disabled webhook would have been told, so that it can be replayed once it is enabled."""
    missed = (
        select(Delivery.id)
        .where(
            Delivery.webhook_id == webhook.id,
            Delivery.created_at >= (webhook.disabled_at or webhook.created_at),
            Delivery.error_code == WebhookDisabled.code,
        )
        .limit(MOST_MISSED)
    )
    if (session.scalar(select(func.count()).select_from(missed.subquery())) or 0) >= MOST_MISSED:
        return
    given = {
        "id": uuid4(),
        "key": f"{event[0]}:{webhook.id}",
        "status": DeliveryStatus.FAILED,
        "error_code": WebhookDisabled.code,
        "error_message": "The webhook was disabled when this happened; enable it and replay this.",
        "finished_at": utcnow(),
    }
    _insert(session, webhook, url, event, given)


def _insert(
    session: Session, webhook: Webhook, url: str, event: tuple[UUID, str, str], given: dict[str, Any]
) -> UUID | None:
    """Write a delivery; None where one has the key."""
    event_id, event_type, body = event
    columns = {
        "webhook_id": webhook.id,
        "account_id": webhook.account_id,
        "event_id": event_id,
        "event_type": event_type,
        "url": url,
        "body": body,
        **given,
    }
    statement = insert_into(session, Delivery).values(columns).on_conflict_do_nothing(index_elements=[Delivery.key])
    made: UUID | None = session.scalar(statement.returning(Delivery.id))
    return made


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
