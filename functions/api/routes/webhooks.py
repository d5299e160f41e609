"""Webhooks: subscribed, looked at, changed, gone; and what became of what they were told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from functions.api import openapi
from functions.api.answers import json_answer, kept
from functions.api.deps import CallerDep, IdempotencyKey, Once, fingerprint
from functions.api.openapi import problems
from functions.api.webhook_schemas import (
    DeliveryList,
    DeliveryOut,
    DeliveryQuery,
    WebhookList,
    WebhookOut,
    WebhookPatch,
    WebhookQuery,
    WebhookRequest,
    WebhookWithSecret,
)
from shared.bootstrap import services
from shared.values import Answer, Caller, WebhookChange

if TYPE_CHECKING:
    from shared.models import Webhook

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

_SECRET = {"description": "With the secret, shown this once.", "headers": openapi.LOCATION | openapi.REPLAY}


@router.post(
    "", status_code=201, response_model=WebhookWithSecret, responses=problems(401, 409, 413, 422) | {201: _SECRET}
)
def create_webhook(caller: CallerDep, body: WebhookRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Subscribe a URL to events of your account. The secret it answers is what signatures are made with."""
    once = Once(caller, idempotency_key, fingerprint("POST", "/v1/webhooks", body.model_dump(mode="json")))
    answer, replayed = once.answer(lambda new_id: _create(caller, body, new_id))
    return kept(answer, f"/v1/webhooks/{answer.body['id']}", replayed=replayed)


def _create(caller: Caller, body: WebhookRequest, new_id: UUID | None) -> Answer:
    made = services().webhooks.create(caller.account_id, body.url, body.events, body.description, webhook_id=new_id)
    shown = WebhookWithSecret(**WebhookOut.of(made.webhook).model_dump(), secret=made.secret)
    return Answer(201, shown.model_dump(mode="json"))


@router.get("", response_model=WebhookList, responses=problems(401, 422))
def list_webhooks(caller: CallerDep, query: Annotated[WebhookQuery, Query()]) -> Response:
    """List the account's webhooks, oldest first, without their secrets."""
    rows, cursor = services().webhooks.list(caller.account_id, query.limit, query.cursor)
    return json_answer(WebhookList(items=[WebhookOut.of(row) for row in rows], next_cursor=cursor))


# --- the one that stands for the callbacks of documents


@router.get("/callbacks", response_model=WebhookOut, responses=problems(401))
def get_callbacks(caller: CallerDep) -> Response:
    """Look at what stands for the `callback_url`s of the account's documents: it has a secret like any webhook."""
    return json_answer(WebhookOut.of(services().webhooks.callbacks(caller.account_id)))


@router.post("/callbacks/rotate", response_model=WebhookWithSecret, responses=problems(401, 409, 422) | {200: _SECRET})
def rotate_callbacks(caller: CallerDep, idempotency_key: IdempotencyKey = None) -> Response:
    """Get a new secret for callbacks, or the first: the one before it signs for a day more."""
    location = "/v1/webhooks/callbacks"
    return _rotated(caller, lambda: services().webhooks.callbacks(caller.account_id), location, idempotency_key)


@router.get("/callbacks/deliveries", response_model=DeliveryList, responses=problems(401, 422))
def list_callback_deliveries(caller: CallerDep, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """List what was sent to `callback_url`s, newest first, with every attempt."""
    return _listed(caller, services().webhooks.callbacks(caller.account_id).id, query)


# --- deliveries


@router.get("/deliveries/{delivery_id}", response_model=DeliveryOut, responses=problems(401, 404))
def get_delivery(caller: CallerDep, delivery_id: UUID) -> Response:
    """Look at a delivery and its attempts."""
    return json_answer(DeliveryOut.of(services().delivery_log.get(caller.account_id, delivery_id)))


@router.post(
    "/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryOut,
    responses=problems(401, 404, 409, 422)
    | {
        202: {
            "description": "A new delivery of the same event is queued.",
            "headers": openapi.LOCATION | openapi.RETRY_AFTER | openapi.REPLAY,
        }
    },
)
def replay_delivery(caller: CallerDep, delivery_id: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Deliver an event again, to where its webhook is now: a new delivery with the same body."""
    once = Once(caller, idempotency_key, fingerprint("POST", f"/v1/webhooks/deliveries/{delivery_id}/replay"))
    answer, replayed = once.answer(lambda new_id: _replay(caller, delivery_id, new_id))
    return kept(answer, f"/v1/webhooks/deliveries/{answer.body['id']}", replayed=replayed)


def _replay(caller: Caller, delivery_id: UUID, new_id: UUID | None) -> Answer:
    made = services().delivery_log.replay(caller.account_id, delivery_id, new_id=new_id)
    return Answer(202, DeliveryOut.of(made).model_dump(mode="json"))


# --- one webhook


@router.get("/{webhook_id}", response_model=WebhookOut, responses=problems(401, 404))
def get_webhook(caller: CallerDep, webhook_id: UUID) -> Response:
    """Look at a webhook, without its secret."""
    return json_answer(WebhookOut.of(services().webhooks.get(caller.account_id, webhook_id)))


@router.patch("/{webhook_id}", response_model=WebhookOut, responses=problems(401, 404, 413, 422))
def update_webhook(caller: CallerDep, webhook_id: UUID, body: WebhookPatch) -> Response:
    """Change a webhook: where it goes, what it is told of, whether it is called."""
    change = WebhookChange(body.url, body.events, body.description, body.enabled)
    return json_answer(WebhookOut.of(services().webhooks.update(caller.account_id, webhook_id, change)))


@router.delete("/{webhook_id}", status_code=204, responses=problems(401, 404))
def delete_webhook(caller: CallerDep, webhook_id: UUID) -> Response:
    """Remove a webhook with its log; what is under way to it is not tried again."""
    services().webhooks.delete(caller.account_id, webhook_id)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/rotate", response_model=WebhookWithSecret, responses=problems(401, 404, 409, 422) | {200: _SECRET}
)
def rotate_webhook(caller: CallerDep, webhook_id: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Get a new secret. The one before it signs as well for 24 hours, so that you can change over without a loss."""
    location = f"/v1/webhooks/{webhook_id}"
    return _rotated(caller, lambda: services().webhooks.get(caller.account_id, webhook_id), location, idempotency_key)


@router.get("/{webhook_id}/deliveries", response_model=DeliveryList, responses=problems(401, 404, 422))
def list_deliveries(caller: CallerDep, webhook_id: UUID, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """List what a webhook was told, newest first, with every attempt."""
    return _listed(caller, webhook_id, query)


def _rotated(caller: Caller, find: Callable[[], Webhook], location: str, idempotency_key: str | None) -> Response:
    """Rotate once; what is to be rotated is looked for only then, so that a replay outlives it."""
    once = Once(caller, idempotency_key, fingerprint("POST", f"{location}/rotate"))
    answer, replayed = once.answer(lambda new_id: _rotate(caller, find().id, new_id))
    return kept(answer, location, replayed=replayed)


def _rotate(caller: Caller, webhook_id: UUID, new_id: UUID | None) -> Answer:
    key_id = f"k{new_id.hex[:12]}" if new_id else None
    made = services().webhooks.rotate(caller.account_id, webhook_id, key_id=key_id)
    shown = WebhookWithSecret(**WebhookOut.of(made.webhook).model_dump(), secret=made.secret)
    return Answer(200, shown.model_dump(mode="json"))


def _listed(caller: Caller, webhook_id: UUID, query: DeliveryQuery) -> Response:
    log = services().delivery_log
    found, cursor = log.list(caller.account_id, webhook_id, query.status, query.limit, query.cursor)
    return json_answer(DeliveryList(items=[DeliveryOut.of(one) for one in found], next_cursor=cursor))
