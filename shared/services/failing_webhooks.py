"""A webhook that only fails is disabled, and its owner told: nobody is called for ever who does not answer.

It is disabled when it has only failed for three days, when its last twenty deliveries were given up, and at once when
it answers 410 Gone. What stands for the callbacks of documents never is: each of those has a URL of its own.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from shared.db.unit_of_work import UnitOfWork
from shared.errors import WebhookDisabled
from shared.models import Account, Delivery, Webhook, utcnow
from shared.services.queueing_mail import queue_template

PATIENCE = timedelta(hours=72)
"""How long a webhook may only fail."""

GIVEN_UP = 20
"""Deliveries in a row."""


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
    if gone:
        _disable(work, webhook_id, "The receiver answered 410 Gone.", error)
    elif webhook.enabled and webhook.failing_since and webhook.failing_since <= now - PATIENCE:
        _disable(work, webhook_id, f"It has only failed since {webhook.failing_since:%Y-%m-%d %H:%M} UTC.", error)


def gave_up(work: UnitOfWork, delivery: Delivery, error: Exception) -> None:
    """Count a delivery that was given up, in the transaction that gives it up."""
    if isinstance(error, WebhookDisabled):
        return
    webhook = work.session.get(Webhook, delivery.webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None:
        return
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or utcnow()
    work.session.flush()
    if webhook.failures >= GIVEN_UP:
        _disable(work, webhook.id, f"Its last {webhook.failures} deliveries were given up.", error)


def _disable(work: UnitOfWork, webhook_id: UUID, reason: str, error: Exception) -> None:
    """Disable a webhook once, and write to whom it belongs where the account has an address."""
    webhook = work.session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None or not webhook.enabled or webhook.url is None:
        return
    now = utcnow()
    webhook.enabled, webhook.disabled_at = False, now
    webhook.disabled_reason = f"{reason} The last failure: {error}"
    account = work.session.get(Account, webhook.account_id)
    if account is None or account.email is None:
        return
    variables = {
        "webhook_id": str(webhook.id),
        "url": webhook.url,
        "failures": webhook.failures,
        "failing_since": (webhook.failing_since or now).isoformat(),
        "last_error": str(error),
    }
    key = f"webhook_disabled:{webhook.id}:{now.isoformat()}"
    queue_template(work, account.id, account.email, "webhook_disabled", variables, key=key)
