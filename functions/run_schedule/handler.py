"""EventBridge Scheduler -> here."""

from __future__ import annotations

from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from functions._runtime import logger, require
from shared.bootstrap import services
from shared.config import RunScheduleSettings
from shared.models import utcnow


class Scheduled(BaseModel):
    """What a schedule says when it fires."""

    model_config = ConfigDict(frozen=True)

    job: Literal["weekly_digest", "inactive_reminders", "health_alerts"]


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Do what a schedule stands for, and say how many mails that queued."""
    require(RunScheduleSettings)
    job = Scheduled.model_validate(event).job
    todo = {
        "weekly_digest": lambda: services().digests.weekly(utcnow()),
        "inactive_reminders": lambda: services().digests.remind(utcnow()),
        "health_alerts": lambda: services().alerts.look(utcnow()),
    }
    queued = todo[job]()
    logger.info("queued", extra={"job": job, "mails": queued})
    return {"mails": queued}
