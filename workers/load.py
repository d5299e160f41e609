"""The load as a worker sees it when it takes a job.

`publish_metrics` counts once a minute. A wave of documents that many workers read in seconds comes and goes between two
counts, and a fleet that follows them alone gives up workers that the next wave needs: see `infra.scaling`, which plays
it through. So who takes a job counts as well, and writes the number with the job's other metrics.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from shared.adapters.broker import FleetCount
from shared.config import ConfigurationError
from shared.errors import BrokerUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5
"""A process looks no more often: each look is a connection of its own, and jobs may be shorter than making one."""


class LoadWatch:
    """Looks now and then.

    Args:
        count: every fleet's messages and workers, as `Broker.fleets` counts them.
        clock: seconds that never go back.
    """

    def __init__(
        self, count: Callable[[], Mapping[str, FleetCount]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._clock = clock
        self._next = clock()

    def look(self, fleet: str) -> int | None:
        """Return the fleet's load; None if this process looked a moment ago, or can't.

        It can't where the broker does not answer, or where the secret for it can't be read.
        """
        if self._clock() < self._next:
            return None
        self._next = self._clock() + LOOK_SECONDS
        try:
            return self._count()[fleet].load
        except (BrokerUnavailable, ConfigurationError) as error:
            log.info("the load was not counted: %s", error)
            return None
