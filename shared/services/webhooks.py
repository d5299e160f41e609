"""Subscriptions of an account: who is told of what, and the secrets that what they are told is signed with.

A secret is derived from the deployment's key, the webhook's id and a key id; none is stored. A rotation names a new key
id, and the one before it goes on signing for a day, so that a receiver knows both while it changes over.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from shared.adapters.outbound_guard import Guard
from shared.contracts import DeliverWebhook
from shared.db.inserting import insert_into
from shared.db.unit_of_work import Database
from shared.errors import NotFound, TooManyWebhooks
from shared.models import Account, Delivery, JobRow, JobStatus, Webhook, utcnow
from shared.services import circuits, cursors
from shared.signatures import webhook_secret
from shared.values import DeliveryStatus, WebhookChange

MOST = 20
"""Webhooks of one account."""

OVERLAP = timedelta(hours=24)
"""How long the secret before a rotation goes on signing."""


@dataclass(frozen=True, slots=True)
class WithSecret:
    """A webhook and the secret its deliveries are signed with from now on, which is shown this once."""

    webhook: Webhook
    secret: str


class Webhooks:
    """Webhooks of an account. Another account's id is as unknown as none.

    Args:
        database: where they are.
        guard: which URLs are called from here.
        signing_key: gives the deployment's key; asked for only when a secret is shown.
    """

    def __init__(self, database: Database, guard: Guard, signing_key: Callable[[], bytes]) -> None:
        self._database = database
        self._guard = guard
        self._signing_key = signing_key

    def create(
        self,
        account_id: UUID,
        url: str,
        events: Sequence[str],
        description: str = "",
        *,
        webhook_id: UUID | None = None,
    ) -> WithSecret:
        """Subscribe a URL to events.

        Args:
            account_id: whose events.
            url: is called.
            events: their types.
            description: the owner's own words.
            webhook_id: the id a new webhook gets, where the caller must be able to repeat the request.

        Raises:
            UrlNotAllowed: it is not called from here.
            TooManyWebhooks: the account has as many as it may have.
            ConfigurationError, QueueUnavailable: the deployment's key can't be read.
        """
        new = Webhook(
            id=webhook_id or uuid4(),
            account_id=account_id,
            url=self._guard.read(url).url,
            events=list(dict.fromkeys(events)),
            description=description,
            key_id=_new_key_id(),
        )
        # Asked for first: a webhook whose secret nobody saw would be of no use.
        key = self._signing_key()
        with self._database.write() as work:
            # Locked, so that two at once do not both become the last.
            work.session.get(Account, account_id, with_for_update=True)
            row = work.session.get(Webhook, new.id)
            if row is None:
                _check_room(work.session, account_id)
                work.session.add(new)
                row = new
        return WithSecret(row, webhook_secret(key, str(row.id), row.key_id))

    def list(self, account_id: UUID, limit: int, cursor: str | None) -> tuple[Sequence[Webhook], str | None]:
        """List webhooks, oldest first, and the cursor of the next page if there is one.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = select(Webhook).where(Webhook.account_id == account_id, Webhook.url.is_not(None))
        if cursor is not None:
            created_at, last_id = cursors.decode(cursor)
            later = and_(Webhook.created_at == created_at, Webhook.id > last_id)
            query = query.where(or_(Webhook.created_at > created_at, later))
        query = query.order_by(Webhook.created_at, Webhook.id).limit(limit + 1)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        more = len(rows) > limit
        return rows[:limit], cursors.encode(rows[limit - 1].created_at, rows[limit - 1].id) if more else None

    def get(self, account_id: UUID, webhook_id: UUID) -> Webhook:
        """Give one webhook.

        Raises:
            NotFound: this account has none of that id.
        """
        with self._database.read() as session:
            return _found(session.scalar(_own(account_id, webhook_id)))

    def callbacks(self, account_id: UUID) -> Webhook:
        """Give the webhook that stands for the `callback_url`s of the account's documents; it is made on demand."""
        with self._database.write() as work:
            return callbacks_of(work.session, account_id)

    def update(self, account_id: UUID, webhook_id: UUID, change: WebhookChange) -> Webhook:
        """Change what is given; enabling forgets the failures that disabled it, a new URL is called at once.

        Raises:
            NotFound: this account has none of that id.
            UrlNotAllowed: the new URL is not called from here.
        """
        url = None if change.url is None else self._guard.read(change.url).url
        with self._database.write() as work:
            row = _found(work.session.scalar(_own(account_id, webhook_id).with_for_update()))
            row.url = url or row.url
            row.events = row.events if change.events is None else list(dict.fromkeys(change.events))
            row.description = row.description if change.description is None else change.description
            if change.enabled or url is not None:
                circuits.forget(work.session, circuits.of_webhook(row.id))
            if change.enabled:
                row.enabled, row.failures = True, 0
                row.failing_since = row.disabled_at = row.disabled_reason = None
            elif change.enabled is False and row.enabled:
                row.enabled, row.disabled_at = False, utcnow()
                row.disabled_reason = "Its owner disabled it."
        return row

    def delete(self, account_id: UUID, webhook_id: UUID) -> None:
        """Remove a webhook with its deliveries; those under way end here.

        Raises:
            NotFound: this account has none of that id.
        """
        with self._database.write() as work:
            _found(work.session.scalar(_own(account_id, webhook_id)))
            pending = select(Delivery.id).where(
                Delivery.webhook_id == webhook_id, Delivery.status == DeliveryStatus.PENDING
            )
            keys = [f"{DeliverWebhook.name}:{delivery_id}" for delivery_id in work.session.scalars(pending)]
            # In the order in which a delivery takes its locks: job, delivery, webhook.
            work.session.execute(
                update(JobRow)
                .where(JobRow.key.in_(keys), JobRow.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]))
                .values(status=JobStatus.CANCELLED, lease_token=None, lease_until=None, finished_at=utcnow())
            )
            work.session.execute(delete(Delivery).where(Delivery.webhook_id == webhook_id))
            work.session.execute(delete(Webhook).where(Webhook.id == webhook_id))
            circuits.forget(work.session, circuits.of_webhook(webhook_id))

    def rotate(self, account_id: UUID, webhook_id: UUID, *, key_id: str | None = None) -> WithSecret:
        """Sign with a new secret; the one before signs too for a day more, and one before that no longer.

        Args:
            account_id: whose.
            webhook_id: the webhook, which may be that of the callbacks.
            key_id: the new key id, where the caller must be able to repeat the request.

        Raises:
            NotFound: this account has none of that id.
            ConfigurationError, QueueUnavailable: the deployment's key can't be read.
        """
        key = self._signing_key()
        with self._database.write() as work:
            query = select(Webhook).where(Webhook.id == webhook_id, Webhook.account_id == account_id)
            row = _found(work.session.scalar(query.with_for_update()))
            if key_id is None or row.key_id != key_id:
                row.previous_key_id, row.previous_until = row.key_id, utcnow() + OVERLAP
                row.key_id = key_id or _new_key_id()
        return WithSecret(row, webhook_secret(key, str(row.id), row.key_id))


def live_secrets(key: bytes, webhook: Webhook, now: datetime) -> dict[str, str]:
    """The secrets that sign now, by key id: the present one, and for a while the one before it."""
    live = {webhook.key_id: webhook_secret(key, str(webhook.id), webhook.key_id)}
    if webhook.previous_key_id and webhook.previous_until and webhook.previous_until > now:
        live[webhook.previous_key_id] = webhook_secret(key, str(webhook.id), webhook.previous_key_id)
    return live


def callbacks_of(session: Session, account_id: UUID) -> Webhook:
    """The webhook without a URL of an account; made if there is none, once however many ask at the same moment."""
    columns = {
        "id": uuid4(),
        "account_id": account_id,
        "events": [],
        "description": "callback_url of documents",
        "enabled": True,
        "key_id": _new_key_id(),
        "failures": 0,
        "created_at": utcnow(),
    }
    session.execute(insert_into(session, Webhook).values(columns).on_conflict_do_nothing())
    query = select(Webhook).where(Webhook.account_id == account_id, Webhook.url.is_(None))
    return session.scalars(query).one()


def _new_key_id() -> str:
    return f"k{secrets.token_hex(6)}"


def _check_room(session: Session, account_id: UUID) -> None:
    query = select(func.count(Webhook.id)).where(Webhook.account_id == account_id, Webhook.url.is_not(None))
    if (session.scalar(query) or 0) >= MOST:
        raise TooManyWebhooks(f"This account has {MOST} webhooks, which is all it may have; delete one first.")


def _own(account_id: UUID, webhook_id: UUID) -> Select[Webhook]:
    return select(Webhook).where(Webhook.id == webhook_id, Webhook.account_id == account_id, Webhook.url.is_not(None))


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NotFound("There is no such webhook in this account.")
    return webhook
