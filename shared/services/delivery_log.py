"""What became of an account's deliveries, and doing one again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from shared.contracts import DeliverWebhook
from shared.db.unit_of_work import Database
from shared.errors import Conflict, NotFound
from shared.models import Delivery, DeliveryAttempt, JobRow, JobStatus, Webhook
from shared.services import cursors
from shared.services.fan_out import queue_delivery
from shared.values import DeliveryStatus

MOST_CHARACTERS = 700_000
"""Of excerpts in one answer: as JSON a character may take six bytes, and Lambda's answer holds 6 MB."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A delivery, its attempts in order, and when it is tried next, if it is."""

    delivery: Delivery
    attempts: Sequence[DeliveryAttempt]
    next_attempt_at: datetime | None


class DeliveryLog:
    """Deliveries of an account. Another account's id is as unknown as none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, account_id: UUID, webhook_id: UUID, status: DeliveryStatus | None, limit: int, cursor: str | None
    ) -> tuple[list[Logged], str | None]:
        """List the deliveries of a webhook, newest first, and the cursor of the next page if there is one.

        Raises:
            NotFound: this account has no such webhook.
            InvalidOption: the cursor is none of ours.
        """
        query = select(Delivery).where(Delivery.webhook_id == webhook_id)
        if status is not None:
            query = query.where(Delivery.status == status)
        if cursor is not None:
            created_at, last_id = cursors.decode(cursor)
            earlier = and_(Delivery.created_at == created_at, Delivery.id < last_id)
            query = query.where(or_(Delivery.created_at < created_at, earlier))
        query = query.order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(limit + 1)
        with self._database.read() as session:
            webhook = session.get(Webhook, webhook_id)
            if webhook is None or webhook.account_id != account_id:
                raise NotFound("There is no such webhook in this account.")
            rows = session.scalars(query).all()
            logged = _fitting(_with_attempts(session, rows[:limit]))
        more = len(rows) > len(logged)
        last = logged[-1].delivery if logged else None
        return logged, cursors.encode(last.created_at, last.id) if more and last else None

    def get(self, account_id: UUID, delivery_id: UUID) -> Logged:
        """Give one delivery.

        Raises:
            NotFound: this account has none of that id.
        """
        with self._database.read() as session:
            return _with_attempts(session, [_own(session, account_id, delivery_id)])[0]

    def replay(self, account_id: UUID, delivery_id: UUID, *, new_id: UUID | None = None) -> Logged:
        """Deliver an event again, however it ended the first time: a new delivery of the same event and body.

        It goes to where its webhook is now.

        Args:
            account_id: whose.
            delivery_id: the delivery to repeat.
            new_id: the id of the new one, where the caller must be able to repeat the request.

        Raises:
            NotFound: this account has none of that id.
            Conflict: its webhook is disabled.
        """
        replay_id = new_id or uuid4()
        with self._database.write() as work:
            old = _own(work.session, account_id, delivery_id)
            webhook = work.session.get_one(Webhook, old.webhook_id)
            if not webhook.enabled:
                message = (
                    f'The webhook is disabled; enable it first: PATCH /v1/webhooks/{webhook.id} {{"enabled": true}}.'
                )
                raise Conflict(message)
            queue_delivery(
                work,
                webhook,
                webhook.url or old.url,
                (old.event_id, old.event_type, old.body),
                f"replay:{replay_id}",
                delivery_id=replay_id,
                replay_of=old.id,
            )
        return self.get(account_id, replay_id)


def _own(session: Session, account_id: UUID, delivery_id: UUID) -> Delivery:
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.account_id != account_id:
        raise NotFound("There is no such delivery in this account.")
    return delivery


def _with_attempts(session: Session, deliveries: Sequence[Delivery]) -> list[Logged]:
    ids = [delivery.id for delivery in deliveries]
    attempts: dict[UUID, list[DeliveryAttempt]] = defaultdict(list)
    query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_(ids)).order_by(DeliveryAttempt.number)
    for attempt in session.scalars(query):
        attempts[attempt.delivery_id].append(attempt)
    keys = {f"{DeliverWebhook.name}:{delivery_id}": delivery_id for delivery_id in ids}
    waiting = select(JobRow.key, JobRow.queued_at).where(JobRow.key.in_(keys), JobRow.status == JobStatus.QUEUED)
    when = {keys[key or ""]: queued_at for key, queued_at in session.execute(waiting)}
    return [Logged(delivery, attempts[delivery.id], when.get(delivery.id)) for delivery in deliveries]


def _fitting(logged: list[Logged]) -> list[Logged]:
    """As many as one answer holds, at least one."""
    left = MOST_CHARACTERS
    for number, one in enumerate(logged):
        left -= sum(len(each.request_excerpt) + len(each.response_excerpt or "") for each in one.attempts)
        if left < 0 and number:
            return logged[:number]
    return logged
