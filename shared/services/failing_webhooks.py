"""A webhook that only fails is disabled, and its owner told: nobody is called for ever who does not answer.

It is disabled when it has only failed for three days, with three deliveries given up at least, when its last twenty
were, and at once when it answers 410 Gone. What failed by a fault of ours says nothing of it. What stands for the
callbacks of documents is never disabled: each of those has a URL of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from shared.config import Mail
from shared.db.unit_of_work import UnitOfWork
from shared.errors import CircuitOpen, DeliveryFailed, DeliveryRefused, Throttled, UrlNotAllowed
from shared.models import Account, Delivery, Webhook, utcnow
from shared.services.mail import variables
from shared.services.queueing_mail import queue_template

PATIENCE = timedelta(hours=72)
"""How long a webhook may only fail."""

FEWEST = 3
"""Deliveries in a row given up by then: one on Monday and a blip on Friday are no persistent failure."""

GIVEN_UP = 20
"""Deliveries in a row."""

_OF_THE_RECEIVER = (DeliveryFailed, DeliveryRefused, Throttled, CircuitOpen, UrlNotAllowed)
"""What a receiver is to blame for. An unreadable secret, a lost worker or a message that gave up are our own faults."""


def succeeded(session: Session, webhook_id: UUID) -> None:
    """Forget failures; nothing is written where there are none, or deliveries at once would wait for each other."""
    session.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id, or_(Webhook.failing_since.is_not(None), Webhook.failures > 0))
        .values(failing_since=None, failures=0)
    )


def attempt_failed(work: UnitOfWork, webhook_id: UUID, error: Exception, *, gone: bool = False) -> None:
    """Note that an attempt failed.

    Args:
        work: the transaction that logs the attempt.
        webhook_id: whose.
        error: how.
        gone: the receiver says that it is gone for good.
    """
    now = utcnow()
    begins = update(Webhook).where(Webhook.id == webhook_id, Webhook.failing_since.is_(None))
    work.session.execute(begins.values(failing_since=now))
    webhook = work.session.get(Webhook, webhook_id, populate_existing=True)
    if webhook is None:
        return
    reason = "The receiver answered 410 Gone." if gone else _reason(webhook, now)
    if reason is not None:
        _disable(work, webhook_id, reason, error)


def gave_up(work: UnitOfWork, delivery: Delivery, error: Exception) -> None:
    """Count a delivery that was given up, in the transaction that gives it up."""
    if not isinstance(error, _OF_THE_RECEIVER):
        return
    webhook = work.session.get(Webhook, delivery.webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None:
        return
    now = utcnow()
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    work.session.flush()
    if (reason := _reason(webhook, now)) is not None:
        _disable(work, webhook.id, reason, error)


def _reason(webhook: Webhook, now: datetime) -> str | None:
    """Why a webhook is disabled now, if it is."""
    if webhook.failures >= GIVEN_UP:
        return f"Its last {webhook.failures} deliveries were given up."
    since = webhook.failing_since
    if webhook.failures >= FEWEST and since is not None and since <= now - PATIENCE:
        return f"It has only failed since {since:%Y-%m-%d %H:%M} UTC."
    return None


def _disable(work: UnitOfWork, webhook_id: UUID, reason: str, error: Exception) -> None:
    """Disable a webhook once, and write to whom it belongs where mail is sent and the account has an address."""
    webhook = work.session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None or not webhook.enabled or webhook.url is None:
        return
    now = utcnow()
    webhook.enabled, webhook.disabled_at = False, now
    webhook.disabled_reason = f"{reason} The last failure: {error}"
    account = work.session.get(Account, webhook.account_id)
    # Asked for where it is needed: whoever gives up a delivery knows nothing of mail.
    if account is None or account.email is None or Mail().mail_from is None:
        return
    said = variables.WebhookDisabled(
        webhook_id=webhook.id,
        url=webhook.url,
        failures=webhook.failures,
        failing_since=webhook.failing_since or now,
        last_error=str(error),
    ).model_dump(mode="json")
    key = f"webhook_disabled:{webhook.id}:{now.isoformat()}"
    queue_template(work, account.id, account.email, "webhook_disabled", said, key=key)
