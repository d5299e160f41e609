"""What each function and task reads from its environment."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.config import (
    ApiSettings,
    CreateKeySettings,
    Database,
    DeliverWebhookSettings,
    IngestSettings,
    LightDelivery,
    NotifySettings,
    PublishMetricsSettings,
    RecordDeadLetterSettings,
    RecordFeedbackSettings,
    RelaySettings,
    RunScheduleSettings,
    SendEmailSettings,
    SendSmsSettings,
    Settings,
    WorkerSettings,
    load,
)


def read(kind: type[Settings]) -> set[str]:
    """The names of the variables a group reads."""
    return {name.upper() for name in kind.model_fields}


FUNCTIONS: dict[str, type[Settings]] = {
    "ApiFunction": ApiSettings,
    "IngestFunction": IngestSettings,
    "RelayOutboxFunction": RelaySettings,
    "PublishMetricsFunction": PublishMetricsSettings,
    "CreateKeyFunction": CreateKeySettings,
    "SendEmailFunction": SendEmailSettings,
    "SendSmsFunction": SendSmsSettings,
    "NotifyFunction": NotifySettings,
    "DeliverWebhookFunction": DeliverWebhookSettings,
    "RecordDeadLetterFunction": RecordDeadLetterSettings,
    "RecordFeedbackFunction": RecordFeedbackSettings,
    "RunScheduleFunction": RunScheduleSettings,
}

LEAVES_ALONE = {
    # These ask whether mail is sent, and send none themselves.
    "ApiFunction": {"SMTP_URL", "SES_CONFIGURATION_SET", "MAIL_RATE", "ADMIN_EMAIL", "SMS_SENDER_ID", "PUBLIC_URL"},
    # It tells the bus, and sends nothing.
    "IngestFunction": {"LIGHT_QUEUES"},
    # These send, and tell no bus.
    "SendEmailFunction": {"ADMIN_EMAIL", "EVENT_BUS_NAME"},
    "SendSmsFunction": {"EVENT_BUS_NAME"},
    "NotifyFunction": {"EVENT_BUS_NAME"},
    "DeliverWebhookFunction": {
        *("SMTP_URL", "SES_CONFIGURATION_SET", "MAIL_RATE", "ADMIN_EMAIL", "PUBLIC_URL", "EVENT_BUS_NAME")
    },
    "RunScheduleFunction": {"SMTP_URL", "SES_CONFIGURATION_SET", "MAIL_RATE", "EVENT_BUS_NAME"},
}
"""What of its groups a function has no use for; a password that it does not get can't leak from it."""

AT_THEIR_DEFAULTS = {
    *read(LightDelivery),
    *("MAX_DIRECT_BYTES", "UPLOAD_EXPIRES_SECONDS", "RETRY_SECONDS", "OUTBOUND_TIMEOUT_SECONDS"),
}
"""What no parameter sets, as functions' timeouts, or Lambda's own limits, stand beside it."""

CONTAINERS: dict[str, type[Settings]] = {"worker": WorkerSettings, "migrations": Database}

READ_BY_OTHERS = {
    "POWERTOOLS_SERVICE_NAME",  # by Powertools, in functions
    "AWS_DEFAULT_REGION",  # by boto3, in containers; Lambda sets it by itself
}


def required(kind: type[Settings]) -> set[str]:
    """Those it cannot do without."""
    return {name.upper() for name, field in kind.model_fields.items() if field.is_required()}


def loaded(kind: type[Settings], environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A group made of exactly this environment; an error of its own if it is refused."""
    for name in read(kind):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load(kind, "It")
