"""One delivery to one receiver: signed, sent, logged. At least once: a receiver tells by its id what it has seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import metrics, signatures
from shared.adapters.outbound import Outbound, Reply
from shared.contracts import DeliverWebhook
from shared.db.unit_of_work import Database
from shared.errors import (
    DeliveryFailed,
    DeliveryRefused,
    ReceiverUnreachable,
    Throttled,
    TwolaneError,
    WebhookDisabled,
)
from shared.models import Delivery, DeliveryAttempt, Webhook, utcnow
from shared.services import circuits, failing_webhooks
from shared.services.circuits import Circuits
from shared.services.places import Places
from shared.services.runs import Run
from shared.services.webhooks import live_secrets
from shared.values import DeliveryStatus

EVENT_HEADER = "Twolane-Event"
DELIVERY_HEADER = "Twolane-Delivery"
USER_AGENT = "Twolane-Webhooks/1"

EXCERPT = 1000
"""Characters of a request's and a response's body that the log keeps."""

AT_ONCE = 3
"""Deliveries of one account under way at the same time: its slow receiver does not hold up everybody's."""

HELD_SECONDS = 60
"""The longest that a delivery is under way: as long as a function may run."""

SOON, LATE = 5.0, 300.0
"""Seconds until one that has to wait for others of its account asks again: a tenth of how long it has waited."""

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Answers below 500 that another time may be others."""

_SAYS_WHEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What was tried, and what came of it."""

    started_at: datetime
    duration_ms: int
    request: str
    reply: Reply | None
    response: str | None
    error: TwolaneError | None


class Deliveries:
    """Delivers.

    Args:
        database: where deliveries and their log are.
        breakers: leave receivers alone that do not answer.
        outbound: the way out.
        signing_key: gives the deployment's key.
    """

    def __init__(
        self,
        database: Database,
        breakers: Circuits,
        outbound: Outbound,
        signing_key: Callable[[], bytes],
    ) -> None:
        self._database = database
        self._circuits = breakers
        self._places = Places(database, AT_ONCE, HELD_SECONDS)
        self._outbound = outbound
        self._signing_key = signing_key

    def deliver(self, message: DeliverWebhook, run: Run) -> None:
        """Try a delivery once, and log it.

        Raises:
            WebhookDisabled: nobody wants it any more.
            Postponed: as many of its account are under way as may be at once.
            CircuitOpen: its receiver, or its host, is left alone for a while.
            Throttled: the receiver said when to come again.
            DeliveryFailed: it may work later.
            DeliveryRefused, UrlNotAllowed: it will not.
        """
        delivery, webhook = self._load(message.delivery_id)
        # Younger ones ask more often: thousands that wait do not keep the queue busy with their asking.
        waited = (utcnow() - delivery.created_at).total_seconds()
        with self._places.hold(f"webhook:{delivery.account_id}", min(max(waited / 10, SOON), LATE)):
            self._deliver(delivery, webhook, run)

    def _deliver(self, delivery: Delivery, webhook: Webhook, run: Run) -> None:
        host, own = circuits.of_url(delivery.url), _circuit(delivery, webhook)
        # A probe of the host, which others wait for, is not taken by who may not call anyway.
        for circuit in (own, host):
            self._circuits.enter(circuit)
        attempt = self._try(delivery, webhook)
        if attempt.error is not None:
            self._log_failure(delivery, attempt, attempt.error)
            self._tell(host, own, attempt, attempt.error)
            raise attempt.error
        self._log_success(delivery, attempt, run)
        self._circuits.succeeded(host)
        self._circuits.succeeded(own)
        run.measure(metrics.SENT_SECONDS, (utcnow() - delivery.created_at).total_seconds())

    def _load(self, delivery_id: UUID) -> tuple[Delivery, Webhook]:
        with self._database.read() as session:
            delivery = session.get(Delivery, delivery_id)
            webhook = session.get(Webhook, delivery.webhook_id) if delivery else None
        if delivery is None or webhook is None:
            raise WebhookDisabled("The webhook was deleted before this could be delivered.")
        if not webhook.enabled:
            raise WebhookDisabled("The webhook was disabled before this could be delivered; enable it and replay this.")
        # Whoever corrects a URL wants what is under way to go there as well.
        delivery.url = webhook.url or delivery.url
        return delivery, webhook

    def _try(self, delivery: Delivery, webhook: Webhook) -> _Attempt:
        key, body, started_at = self._signing_key(), delivery.body.encode(), utcnow()
        timestamp = int(started_at.timestamp())
        signature = signatures.sign(live_secrets(key, webhook, started_at), timestamp, body)
        shown = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            EVENT_HEADER: delivery.event_type,
            DELIVERY_HEADER: str(delivery.id),
            signatures.TIMESTAMP_HEADER: str(timestamp),
        }
        begun = time.monotonic()
        reply: Reply | None = None
        error: TwolaneError | None
        try:
            reply = self._outbound.post(delivery.url, {**shown, signatures.SIGNATURE_HEADER: signature}, body)
            error = _judge(reply)
        except TwolaneError as failure:
            error = failure
        duration = round((time.monotonic() - begun) * 1000)
        response = None if reply is None else _without(signature, reply.text)[:EXCERPT]
        return _Attempt(started_at, duration, _request(delivery, shown), reply, response, error)

    def _log_success(self, delivery: Delivery, attempt: _Attempt, run: Run) -> None:
        with self._database.write() as work:
            # In the order in which giving up takes its locks: job, delivery, webhook.
            run.complete(work.session)
            row = _log(work.session, delivery, attempt)
            if row is not None:
                row.status, row.finished_at = DeliveryStatus.DELIVERED, utcnow()
                row.error_code = row.error_message = None
                work.session.flush()
            failing_webhooks.succeeded(work.session, delivery.webhook_id)

    def _log_failure(self, delivery: Delivery, attempt: _Attempt, error: TwolaneError) -> None:
        gone = attempt.reply is not None and attempt.reply.status == HTTPStatus.GONE
        with self._database.write() as work:
            row = _log(work.session, delivery, attempt)
            if row is not None:
                row.error_code, row.error_message = error.code, error.detail
                work.session.flush()
                failing_webhooks.attempt_failed(work, delivery.webhook_id, error, gone=gone)

    def _tell(self, host: str, own: str, attempt: _Attempt, error: TwolaneError) -> None:
        """What a failure says of the host, and of this one receiver on it."""
        if isinstance(error, ReceiverUnreachable):
            self._circuits.failed(host, error.detail)
        elif isinstance(error, DeliveryFailed):
            self._circuits.succeeded(host)
            self._circuits.failed(own, error.detail)
        elif attempt.reply is not None:
            self._circuits.succeeded(host)
            self._circuits.succeeded(own)


def _circuit(delivery: Delivery, webhook: Webhook) -> str:
    """The circuit of the receiver alone."""
    if webhook.url is None:
        return circuits.of_callback(delivery.account_id, delivery.url)
    return circuits.of_webhook(webhook.id)


def _judge(reply: Reply) -> TwolaneError | None:
    """What an answer means; None: it was taken."""
    status, said = reply.status, f"The receiver answered {reply.status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if reply.refused is not None:
        return reply.refused
    if status in _SAYS_WHEN and reply.retry_after is not None:
        return Throttled(f"{said} and asks to come again in {reply.retry_after:g} s.", retry_after=reply.retry_after)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LATER:
        return DeliveryRefused(f"{said}, which trying again would not change.")
    return DeliveryFailed(f"{said}.")


def _request(delivery: Delivery, headers: dict[str, str]) -> str:
    """What was sent, for people to read; whoever can read it must not be able to sign."""
    lines = [f"POST {delivery.url}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join([*lines, f"{signatures.SIGNATURE_HEADER}: (not kept)", "", delivery.body[:EXCERPT]])


def _without(signature: str, text: str) -> str:
    """An answer without the signature, which a receiver may have repeated."""
    for part in signature.split(", "):
        text = text.replace(part.partition("=")[2], "(not kept)")
    return text


def _log(session: Session, tried: Delivery, attempt: _Attempt) -> Delivery | None:
    """Write the attempt; None where the delivery is gone."""
    row = session.get(Delivery, tried.id, with_for_update=True)
    if row is None:
        return None
    row.url = tried.url
    row.response_status = attempt.reply.status if attempt.reply else None
    last = session.scalar(select(func.max(DeliveryAttempt.number)).where(DeliveryAttempt.delivery_id == tried.id))
    session.add(
        DeliveryAttempt(
            delivery_id=tried.id,
            number=(last or 0) + 1,
            started_at=attempt.started_at,
            duration_ms=attempt.duration_ms,
            request_excerpt=attempt.request,
            response_status=row.response_status,
            response_excerpt=attempt.response,
            error_code=attempt.error.code if attempt.error else None,
            error_message=attempt.error.detail if attempt.error else None,
        )
    )
    return row
