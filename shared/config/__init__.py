"""Settings: small frozen groups read from the environment, checked when a process starts.

Each process asks for the groups it needs (`ApiSettings()`, `WorkerSettings()`, ...); a missing or malformed variable
is a start-up error that names it. Nothing is read at import.
"""

from __future__ import annotations

from shared.config.base import ConfigurationError, Settings, load
from shared.config.data import MIB, Broker, Database, Doze, Limits, Retention, Storage
from shared.config.delivery import Delivery, LightDelivery, LightLane
from shared.config.engines import DeepSeek, Extraction, Textract
from shared.config.messages import App, Mail, Outbound, Signing, Sms
from shared.config.prices import DeepSeekPrices, Prices, TextractPrice
from shared.config.processes import (
    ApiSettings,
    CreateKeySettings,
    DeliverWebhookSettings,
    IngestSettings,
    Logging,
    NotifySettings,
    PublishMetricsSettings,
    RecordDeadLetterSettings,
    RecordFeedbackSettings,
    RelaySettings,
    RunScheduleSettings,
    SendEmailSettings,
    Sending,
    SendSmsSettings,
    Telemetry,
    Worker,
    WorkerSettings,
)
from shared.config.reading import Reading, Remote

__all__ = [
    "MIB",
    "ApiSettings",
    "App",
    "Broker",
    "ConfigurationError",
    "CreateKeySettings",
    "Database",
    "DeepSeek",
    "DeepSeekPrices",
    "DeliverWebhookSettings",
    "Delivery",
    "Doze",
    "Extraction",
    "IngestSettings",
    "LightDelivery",
    "LightLane",
    "Limits",
    "Logging",
    "Mail",
    "NotifySettings",
    "Outbound",
    "Prices",
    "PublishMetricsSettings",
    "Reading",
    "RecordDeadLetterSettings",
    "RecordFeedbackSettings",
    "RelaySettings",
    "Remote",
    "Retention",
    "RunScheduleSettings",
    "SendEmailSettings",
    "SendSmsSettings",
    "Sending",
    "Settings",
    "Signing",
    "Sms",
    "Storage",
    "Telemetry",
    "Textract",
    "TextractPrice",
    "Worker",
    "WorkerSettings",
    "load",
]
