"""How work is handed on and tried again, in both lanes."""

from __future__ import annotations

from pydantic import Field

from shared.config.base import Settings


class Delivery(Settings):
    """How long work may go without a sign of life, and how often it is tried.

    Attributes:
        lease_seconds: a claimed job whose lease is not renewed for so long belongs to a lost worker.
        max_attempts: claims of one job before it is given up; the database counts them, Redis counts nothing.
        relay_grace_seconds: how long a message may be under way before the relay looks after it.
        retry_seconds: the first back-off; it doubles with every attempt and is capped at five minutes.
    """

    lease_seconds: float = Field(default=60, gt=0)
    max_attempts: int = Field(default=3, ge=1)
    relay_grace_seconds: float = Field(default=30, ge=0)
    retry_seconds: float = Field(default=5, ge=0)


class LightDelivery(Settings):
    """How long work of the light lane goes on being tried; see `shared.services.retries`.

    Attributes:
        light_lease_seconds: for how long a message belongs to the function that took it: longer than the longest
            function may run, as nobody renews it.
        light_retry_seconds: the first back-off; it doubles with every attempt.
        light_longest_retry_seconds: what it doubles up to.
        message_window_seconds: how long after its first failure a mail, text message or notification is still tried.
        webhook_window_seconds: how long after its first failure a webhook's delivery is.
    """

    light_lease_seconds: float = Field(default=150, gt=0)
    light_retry_seconds: float = Field(default=10, gt=0)
    light_longest_retry_seconds: float = Field(default=4 * 3600, gt=0)
    message_window_seconds: float = Field(default=6 * 3600, ge=0)
    webhook_window_seconds: float = Field(default=24 * 3600, ge=0)


class LightLane(Settings):
    """How to reach the light lane. Where nothing is given, what this process sends waits for `relay_outbox`.

    Attributes:
        light_queues: URLs of SQS queues by name, `{"email": ..., "webhook": ...}`; see `contracts.LIGHT_QUEUES`.
        event_bus_name: the EventBridge bus that events leave through.
    """

    light_queues: dict[str, str] = Field(default_factory=dict)
    event_bus_name: str | None = None
