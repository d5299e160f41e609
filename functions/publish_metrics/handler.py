"""EventBridge Scheduler -> here."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._runtime import require
from shared import metrics
from shared.bootstrap import services
from shared.config import PublishMetricsSettings, Telemetry


def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Write what can be told as metrics, and say how many there were."""
    require(PublishMetricsSettings)
    readings = services().census.take()
    for reading in readings:
        metrics.write(reading.values, stack=Telemetry().stack_name, fleet=reading.fleet)
    return {"metrics": sum(len(reading.values) for reading in readings)}
