"""Health, without a key."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from functions.api import VERSION
from functions.api.openapi import problems
from shared.bootstrap import services
from shared.errors import NotReady, TwolaneError

log = logging.getLogger(__name__)
router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Everything asked about is well."""

    status: Literal["ok"] = "ok"
    version: str


class WorkersHealth(Health):
    """The Celery workers that answered."""

    workers: list[str]


@router.get("/health", name="health")
@router.get("/health/live", name="health_live")
async def live() -> Health:
    """Tell that the process answers."""
    return Health(version=VERSION)


@router.get("/health/ready", name="health_ready", responses=problems())
def ready() -> Health:
    """Tell whether the database, the object store and the broker answer; `errors` names those that do not."""
    checks: dict[str, Callable[[], object]] = {
        "database": _database,
        "storage": _storage,
        "broker": _broker,
    }
    failing = [(name, what) for name, check in checks.items() if (what := _trouble(name, check))]
    if failing:
        raise _not_ready(*failing)
    return Health(version=VERSION)


@router.get("/health/celery", name="health_celery", responses=problems())
def celery() -> WorkersHealth:
    """Tell which Celery workers answer within a second; 503 if none does."""
    try:
        workers = services().broker.workers()
    except TwolaneError as error:
        log.warning("not healthy: %s", error.detail)
        raise _not_ready(("broker", "does not answer")) from error
    if not workers:
        raise _not_ready(("workers", "none answers"))
    return WorkersHealth(version=VERSION, workers=workers)


def _database() -> None:
    services().database.ping()


def _storage() -> None:
    services().store.ping()


def _broker() -> None:
    services().broker.ping()


def _trouble(name: str, check: Callable[[], object]) -> str | None:
    """Say what is wrong in words that anybody may read; an adapter's own, with addresses, go to the log."""
    try:
        check()
    except TwolaneError as error:
        log.warning("not ready: %s: %s", name, error)
        return error.detail.rstrip(".") if isinstance(error, NotReady) else "does not answer"
    return None


def _not_ready(*failing: tuple[str, str]) -> NotReady:
    detail = "; ".join(f"{name}: {what}" for name, what in failing)
    return NotReady(f"Not ready. {detail}.", errors=[{"field": name, "message": what} for name, what in failing])
