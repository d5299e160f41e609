"""What each template asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.values import DocumentStatus

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\x00-\x1f\x7f]+$", max_length=2000)]
"""What a link may lead to: nothing a mail program would run."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Count = Annotated[int, Field(ge=0)]


class Variables(BaseModel):
    """The variables of one template; one that it does not know is a mistake. Errors do not quote them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Token(Variables):
    """A token that proves who reads the mail.

    Attributes:
        token: to be typed or copied.
        link: where it can be given with one click.
        minutes: how long it is good for.
    """

    token: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    link: Url | None = None
    minutes: Annotated[int, Field(ge=1)] | None = None


class TaskFailure(Variables):
    """A dead letter.

    Attributes:
        task_id: its id in the list of dead letters.
        lane: `light` or `heavy`.
        queue: it came from.
        name: of the job or event.
        error_code: why it was given up.
        error_message: the same as a sentence.
        attempts: that were made.
        failed_at: the last of them.
        correlation_id: of the request that began it.
        link: where it can be looked at.
    """

    task_id: UUID
    lane: Line
    queue: Line
    name: Line
    error_code: Line
    error_message: str
    attempts: Count
    failed_at: datetime
    correlation_id: str | None = None
    link: Url | None = None


class Finding(Variables):
    """Something that is not well: `name` of the check, and what it found."""

    name: Line
    detail: str


class HealthAlert(Variables):
    """What is not well.

    Attributes:
        findings: at least one.
        checked_at: when.
        link: where to look.
    """

    findings: Annotated[list[Finding], Field(min_length=1)]
    checked_at: datetime
    link: Url | None = None


class ErrorCount(Variables):
    """An error's code, and how many documents met it."""

    code: Line
    count: Count


class WeeklyDigest(Variables):
    """A week of an account.

    Attributes:
        account: its name.
        since: the first day.
        until: the last day.
        documents: how many of the week's documents stand how.
        pages: that were read.
        errors: the most frequent ones, first the most frequent.
        link: where the documents are.
    """

    account: Line
    since: date
    until: date
    documents: dict[DocumentStatus, Count]
    pages: Count
    errors: list[ErrorCount] = []
    link: Url | None = None


class InactiveReminder(Variables):
    """An account that sends nothing.

    Attributes:
        account: its name.
        last_active: the day of its last document; None if there was none.
        link: where to go on.
    """

    account: Line
    last_active: date | None = None
    link: Url | None = None


class WebhookDisabled(Variables):
    """A webhook that failed for so long that it is called no more.

    Attributes:
        webhook_id: its id.
        url: that was called.
        failures: deliveries in a row that failed.
        failing_since: the first of them.
        last_error: what the last one met.
        link: where to look.
    """

    webhook_id: UUID
    url: str
    failures: Count
    failing_since: datetime
    last_error: str
    link: Url | None = None


class Notification(Variables):
    """What somebody is told: a title and text, its paragraphs apart by an empty line; a link to go to."""

    title: Line
    body: str
    link: Url | None = None


class Plain(Variables):
    """Text that somebody wrote: the subject, and the text, its paragraphs apart by an empty line."""

    subject: Line
    body: str


TEMPLATES: Mapping[str, type[Variables]] = MappingProxyType(
    {
        "verification": Token,
        "password_reset": Token,
        "task_failure": TaskFailure,
        "health_alert": HealthAlert,
        "weekly_digest": WeeklyDigest,
        "inactive_reminder": InactiveReminder,
        "webhook_disabled": WebhookDisabled,
        "notification": Notification,
        "plain": Plain,
    }
)
"""The templates, by name, and the variables of each."""
