"""EventBridge Scheduler -> here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    job: Literal["weekly_digest", "inactive_reminders", "health_alerts", "prune", "expire_documents"]


def handler(event: dict[str, Any], _context: LambdaContext) -> Mapping[str, int]:
    """Do what a schedule stands for; say how many mails or jobs that queued, or how many rows of which table went.

    Firing again does nothing again: mail has a key of its week, month or hour, and what is gone is gone.
    """
    require(RunScheduleSettings)
    job = Scheduled.model_validate(event).job
    todo: dict[str, Callable[[], Mapping[str, int]]] = {
        "weekly_digest": lambda: {"mails": services().digests.weekly(utcnow())},
        "inactive_reminders": lambda: {"mails": services().digests.remind(utcnow())},
        "health_alerts": lambda: {"mails": services().alerts.look(utcnow())},
        "expire_documents": lambda: {"jobs": services().expiry.ask(utcnow())},
        "prune": lambda: services().pruning.prune(utcnow()),
    }
    done = todo[job]()
    logger.info("done", extra={"job": job, **done})
    return done
