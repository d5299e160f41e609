"""What each process needs: a function, a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.config.base import Settings
from shared.config.data import Broker, Database, Doze, Limits, Retention, Storage
from shared.config.delivery import Delivery, LightDelivery, LightLane
from shared.config.engines import Extraction, Textract
from shared.config.messages import App, Mail, Outbound, Signing, Sms
from shared.config.prices import DeepSeekPrices, Prices, TextractPrice
from shared.config.reading import Reading, Remote


class Logging(Settings):
    """`LOG_LEVEL`: least level that is logged."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Telemetry(Settings):
    """`STACK_NAME`: which deployment a metric is of; several share one account."""

    stack_name: str = "local"


class ApiSettings(
    Database,
    Broker,
    Storage,
    Limits,
    Delivery,
    LightLane,
    Mail,
    Sms,
    Outbound,
    Signing,
    App,
    Prices,
    TextractPrice,
    DeepSeekPrices,
    Logging,
):
    """What the HTTP API needs."""


class IngestSettings(Database, Broker, Storage, Limits, Delivery, LightLane, Logging):
    """What `ingest` needs."""


class RelaySettings(Database, Broker, Delivery, LightDelivery, LightLane, Doze, Logging):
    """What `relay_outbox` needs."""


class PublishMetricsSettings(Database, Broker, Doze, Telemetry, Logging):
    """What `publish_metrics` needs."""


class CreateKeySettings(Database, Logging):
    """What `create_key` needs."""


class Sending(Database, LightDelivery, LightLane, Telemetry, Logging):
    """What every function of the light lane needs that does jobs."""


class SendEmailSettings(Sending, Storage, Mail, Signing):
    """What `send_email` needs."""


class RecordFeedbackSettings(Database, Logging):
    """What `record_feedback` needs."""


class SendSmsSettings(Sending, Sms):
    """What `send_sms` needs."""


class NotifySettings(Sending):
    """What `notify` needs."""


class DeliverWebhookSettings(Sending, Mail, Outbound, Signing):
    """What `deliver_webhook` needs."""


class RecordDeadLetterSettings(Database, LightDelivery, Logging):
    """What `record_dead_letter` needs.

    Attributes:
        dead_letter_queues: ARNs of dead-letter queues, by the name of the queue whose messages end there.
    """

    dead_letter_queues: dict[str, str] = Field(default_factory=dict)


class RunScheduleSettings(Database, Broker, LightLane, Mail, Doze, Retention, Telemetry, Logging):
    """What `run_schedule` needs."""


class Worker(Settings):
    """What one worker process is.

    Attributes:
        worker_fleet: which queues it consumes: a name of `contracts.FLEETS`, or `all`.
        worker_concurrency: jobs it does at once, each in a process of its own.
        worker_soft_shutdown_seconds: how long a job in hand may take to end after SIGTERM; below ECS's `stopTimeout`
            of 120 s, so that it ends before the container is killed.
        worker_start_seconds: how long broker, database and bucket may take to answer before it gives up starting.
        worker_alive_file: touched with every sign of life, for the health check of a container; none if not given.
    """

    worker_fleet: str = "all"
    worker_concurrency: int = Field(default=1, ge=1)
    worker_soft_shutdown_seconds: float = Field(default=90, ge=0)
    worker_start_seconds: float = Field(default=30, ge=0)
    worker_alive_file: Path | None = None


class WorkerSettings(
    Database, Broker, Storage, Delivery, LightLane, Reading, Remote, Extraction, Textract, Worker, Telemetry, Logging
):
    """What a Celery worker needs."""
