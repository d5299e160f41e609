"""EventBridge Scheduler -> here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions._runtime import logger, require
from shared.bootstrap import services
from shared.config import RelaySettings


def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Run the relay once and say what it moved."""
    require(RelaySettings)
    counts = asdict(services().relay.run())
    logger.info("relayed", extra=counts)
    return counts
