"""What is going on, for admins."""

from __future__ import annotations

from fastapi import APIRouter, Response

from functions.api.answers import json_answer
from functions.api.deps import AdminDep
from functions.api.monitoring_schemas import StatsOut
from functions.api.openapi import problems
from shared.bootstrap import services

router = APIRouter(prefix="/v1/monitoring", tags=["monitoring"])


@router.get("/stats", response_model=StatsOut, responses=problems(401, 403))
def get_stats(caller: AdminDep) -> Response:
    """Count what waits, what runs, what was given up, and what is left alone for it fails."""
    del caller
    return json_answer(StatsOut.of(services().monitoring.stats()))
